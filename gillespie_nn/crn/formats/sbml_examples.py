"""Documents that use what SBML has; hostile inputs are made of them, see `verification.hostile`."""

REACTIONS = """<?xml version="1.0" encoding="UTF-8"?>
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
NAMES = """<?xml version="1.0" encoding="UTF-8"?>
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
CHANGING = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="changing"
 conversionFactor="two"><listOfCompartments><compartment id="cell" size="2" constant="false"/></listOfCompartments>
<listOfSpecies><species id="A" compartment="cell" initialConcentration="4" hasOnlySubstanceUnits="false"
 boundaryCondition="false" constant="false"/><species id="B" compartment="cell" initialAmount="1"
 hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"/><species id="C" compartment="cell"
 initialConcentration="2" hasOnlySubstanceUnits="false" boundaryCondition="true" constant="false"/></listOfSpecies>
<listOfParameters><parameter id="two" value="2" constant="true"/><parameter id="k" value="0.3" constant="false"/>
<parameter id="y" constant="false"/><parameter id="z" constant="false"/></listOfParameters>
<listOfInitialAssignments><initialAssignment symbol="n"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply>
<divide/><ci> two </ci><cn> 4 </cn></apply></math></initialAssignment></listOfInitialAssignments>
<listOfRules><rateRule variable="cell"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci> k </ci>
<ci> cell </ci></apply></math></rateRule><rateRule variable="k"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply>
<minus/><ci> k </ci></apply></math></rateRule><rateRule variable="C"><math xmlns="http://www.w3.org/1998/Math/MathML">
<apply><sin/><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time"> t </csymbol></apply></math>
</rateRule><algebraicRule><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/><apply><plus/><ci> A </ci>
<ci> y </ci></apply><ci> C </ci></apply></math></algebraicRule><assignmentRule variable="z">
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><csymbol encoding="text"
 definitionURL="http://www.sbml.org/sbml/symbols/rateOf"> rateOf </csymbol><ci> C </ci></apply></math></assignmentRule>
</listOfRules><listOfReactions><reaction id="go" reversible="false"><listOfReactants><speciesReference species="A"
 stoichiometry="1" constant="true"/></listOfReactants><listOfProducts><speciesReference id="n" species="B"
 stoichiometry="2" constant="false"/></listOfProducts><kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
<apply><times/><ci> k </ci><ci> A </ci></apply></math></kineticLaw></reaction></listOfReactions>
<listOfEvents><event id="divide" useValuesFromTriggerTime="true"><trigger initialValue="false" persistent="true">
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><gt/><ci> cell </ci><cn> 2.2 </cn></apply></math></trigger>
<delay><math xmlns="http://www.w3.org/1998/Math/MathML"><cn> 0.1 </cn></math></delay><listOfEventAssignments>
<eventAssignment variable="cell"><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><divide/><ci> cell </ci>
<cn> 2 </cn></apply></math></eventAssignment><eventAssignment variable="C">
<math xmlns="http://www.w3.org/1998/Math/MathML"><ci> y </ci></math></eventAssignment></listOfEventAssignments></event>
</listOfEvents></model></sbml>
"""
"""What changes between reactions, and a stoichiometry with a name."""
SUBMODELS = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1" comp:required="true"
 xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1"><model id="whole"><listOfParameters>
<parameter id="k" value="2" constant="true"><comp:listOfReplacedElements><comp:replacedElement comp:submodelRef="one"
 comp:idRef="p"/></comp:listOfReplacedElements></parameter></listOfParameters><comp:listOfSubmodels>
<comp:submodel comp:id="one" comp:modelRef="part"/><comp:submodel comp:id="other" comp:modelRef="part">
<comp:listOfDeletions><comp:deletion comp:portRef="rule"/></comp:listOfDeletions></comp:submodel></comp:listOfSubmodels>
</model><comp:listOfModelDefinitions><comp:modelDefinition id="part"><listOfCompartments>
<compartment id="cell" size="1" constant="true"/></listOfCompartments><listOfSpecies><species id="A" compartment="cell"
 initialAmount="5" hasOnlySubstanceUnits="true" boundaryCondition="false" constant="false"/></listOfSpecies>
<listOfParameters><parameter id="p" value="1"
 constant="true"/><parameter id="x" value="3" constant="false"/></listOfParameters><listOfRules><rateRule metaid="r"
 variable="x"><math xmlns="http://www.w3.org/1998/Math/MathML"><ci> p </ci></math></rateRule></listOfRules>
<listOfReactions><reaction id="go" reversible="false" fast="false"><listOfProducts><speciesReference species="A"
 stoichiometry="1" constant="true"/></listOfProducts><kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
<ci> p </ci></math></kineticLaw></reaction></listOfReactions>
<comp:listOfPorts><comp:port comp:id="rule" comp:metaIdRef="r"/></comp:listOfPorts></comp:modelDefinition>
</comp:listOfModelDefinitions></sbml>
"""
"""A model twice in another, once with a replaced parameter and once without its rule."""
INTRUSIONS = (
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
    "<ci> cell </ci>",
    "<ci> n </ci>",
    'constant="false"',
    'stoichiometry="0.5"',
    'initialAmount="-3"',
    'comp:modelRef="whole"',
    'comp:source="/etc/passwd"',
    '<algebraicRule><math xmlns="http://www.w3.org/1998/Math/MathML"><ci> A </ci></math></algebraicRule>',
    '<rateRule variable="A"><math xmlns="http://www.w3.org/1998/Math/MathML"><ci> k </ci></math></rateRule>',
    '<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/rateOf"> r </csymbol>'
    "<ci> A </ci></apply>",
)  # fmt: skip
"""Pieces of text to put into them."""
