"""SBML, levels 2 and 3: `sbml_read` reads it, `sbml_write` writes it.

M. Hucka et al., The Systems Biology Markup Language (SBML): language specification for level 3 version 2 core, Journal
of Integrative Bioinformatics 16 (2019) 20190021, doi:10.1515/jib-2019-0021.
"""

from .base import Format
from .sbml_examples import CHANGING, INTRUSIONS, NAMES, REACTIONS, SUBMODELS
from .sbml_read import read
from .sbml_write import write

FORMAT = Format(
    name="sbml",
    title="SBML",
    endings=(".xml", ".sbml"),
    read=read,
    write=write,
    extra="sbml",
    has_units=True,
    examples=lambda: (REACTIONS, NAMES, CHANGING, SUBMODELS),
    intrusions=INTRUSIONS,
)
