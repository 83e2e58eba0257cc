"""SBML, levels 2 and 3: `sbml_read` reads it, `sbml_write` writes it.

M. Hucka et al., The Systems Biology Markup Language (SBML): language specification for level 3 version 2 core, Journal
of Integrative Bioinformatics 16 (2019) 20190021, doi:10.1515/jib-2019-0021.
"""

from .base import Format
from .sbml_read import read
from .sbml_write import write

_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="example">
<listOfFunctionDefinitions><functionDefinition id="pairs"><math xmlns="http://www.w3.org/1998/Math/MathML"><lambda>
<bvar><ci> s </ci></bvar><apply><times/><ci> s </ci><apply><minus/><ci> s </ci><cn> 1 </cn></apply></apply>
</lambda></math></functionDefinition></listOfFunctionDefinitions>
<listOfCompartments><compartment id="cell" size="2"/></listOfCompartments>
<listOfSpecies>
<species id="A" compartment="cell" initialAmount="20" hasOnlySubstanceUnits="true"/>
<species id="B" compartment="cell" initialConcentration="3"/>
</listOfSpecies>
<listOfParameters><parameter id="k" value="0.1"/><parameter id="total" constant="false"/></listOfParameters>
<listOfInitialAssignments><initialAssignment symbol="k"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply>
<divide/><cn> 1 </cn><ci> cell </ci></apply></math></initialAssignment></listOfInitialAssignments>
<listOfRules><assignmentRule variable="total"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><plus/>
<ci> A </ci><apply><times/><ci> B </ci><ci> cell </ci></apply></apply></math></assignmentRule></listOfRules>
<listOfReactions><reaction id="pair" reversible="false">
<listOfReactants><speciesReference species="A" stoichiometry="2"/></listOfReactants>
<listOfProducts><speciesReference species="B"/></listOfProducts>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci> k </ci><ci> k2 </ci><apply>
<ci> pairs </ci><ci> A </ci></apply></apply></math><listOfParameters><parameter id="k2" value="3"/></listOfParameters>
</kineticLaw></reaction></listOfReactions>
<listOfEvents><event id="feed"><trigger><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><lt/><ci> A </ci>
<cn> 4 </cn></apply></math></trigger><listOfEventAssignments><eventAssignment variable="A">
<math xmlns="http://www.w3.org/1998/Math/MathML"><cn> 12 </cn></math></eventAssignment></listOfEventAssignments></event>
</listOfEvents></model></sbml>
"""
_NAMES = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="names">
<listOfCompartments><compartment id="volume" size="2" constant="true"/></listOfCompartments>
<listOfSpecies><species id="pi" compartment="volume" initialAmount="20" hasOnlySubstanceUnits="false"
 boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfParameters><parameter id="time" value="0.5" constant="true"/><parameter id="e" constant="false"/>
</listOfParameters>
<listOfRules><assignmentRule variable="e"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><plus/><ci> pair </ci>
<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time"> t </csymbol></apply></math>
</assignmentRule></listOfRules>
<listOfReactions><reaction id="pair" reversible="false" fast="false">
<listOfReactants><speciesReference species="pi" stoichiometry="1" constant="true"/></listOfReactants>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci> time </ci><ci> volume </ci>
<ci> pi </ci></apply></math><listOfLocalParameters><localParameter id="volume" value="3"/></listOfLocalParameters>
</kineticLaw></reaction></listOfReactions></model></sbml>
"""
"""Names that mean something else here, a local one that shadows, and a rate by the name of its reaction."""
FORMAT = Format(
    name="sbml",
    title="SBML",
    endings=(".xml", ".sbml"),
    read=read,
    write=write,
    extra="sbml",
    has_units=True,
    examples=lambda: (_EXAMPLE, _NAMES),
    intrusions=(
        "<",
        "&#0;",
        "</apply>",
        "<ci> A </ci>",
        "<ci> pair </ci>",
        "<ci> time </ci>",
        'symbol="A"',
        'id="time"',
        'id="A"',
        'reversible="true"',
        'substanceUnits="mole"',
        'hasOnlySubstanceUnits="false"',
        "<apply><minus/><ci> A </ci><ci> B </ci></apply>",
        "<apply><plus/>" + "<ci> A </ci>" * 100 + "</apply>",
        "<apply><times/><ci> A </ci>" * 100,
    ),  # fmt: skip
)
