"""SBML (levels 2 and 3, core) to a reaction network, for models of mass-action kind.

A kinetic law is the propensity, as in the SBML stochastic test suite: k, k*A, k*A*B, k*A*(A-1), in any order of
factors and with constants folded. Amounts are molecules. Everything else is refused by name.
"""

from pathlib import Path

from .. import checks
from ..checks import InputError
from .kinetic_law import Unrecognised, monomial, orders
from .network import Reaction, ReactionNetwork

_UNSUPPORTED = (
    ("rule", "getNumRules"),
    ("event", "getNumEvents"),
    ("initial assignment", "getNumInitialAssignments"),
    ("constraint", "getNumConstraints"),
    ("function definition", "getNumFunctionDefinitions"),
)


def read(source) -> ReactionNetwork:
    """The network of an SBML file (path) or document (text); raises InputError with what is wrong or refused."""
    sbml = checks.optional("libsbml", "sbml", "reading SBML")
    if isinstance(source, str) and source.lstrip().startswith("<"):
        document, name = sbml.readSBMLFromString(source), "the SBML document"
    else:
        if not isinstance(source, (str, Path)) or len(str(source)) > 4096:
            raise InputError("SBML is read from a path or from a document's text, which starts with '<'")
        path = Path(source)
        if not path.is_file():
            raise InputError(f"no such SBML file: {path}")
        document, name = sbml.readSBMLFromFile(str(path)), str(path)
    try:
        return _network(sbml, document)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except RecursionError:
        raise InputError(f"{name}: a kinetic law is nested too deeply") from None


def _network(sbml, document):
    for k in range(document.getNumErrors()):
        error = document.getError(k)
        if error.getSeverity() >= sbml.LIBSBML_SEV_ERROR:
            raise InputError(f"line {error.getLine()}: {error.getMessage().strip()}")
    model = document.getModel()
    if model is None:
        raise InputError("it has no model")
    for k in range(document.getNumPlugins()):
        package = document.getPlugin(k).getPackageName()
        if document.getPackageRequired(package):
            raise InputError(f"the SBML package {package!r} is not supported")
    for what, number in _UNSUPPORTED:
        if getattr(model, number)():
            raise InputError(f"it has {getattr(model, number)()} {what}(s), which are not supported yet")
    if model.isSetConversionFactor():
        raise InputError("conversion factors are not supported")
    sizes = {c.getId(): _size(c) for c in model.getListOfCompartments()}
    species = {s.getId(): s for s in model.getListOfSpecies()}
    for s in species.values():
        checks.choice(f"compartment of species {s.getId()}", s.getCompartment(), sizes, "the model has")
    _check_identifiers(model)
    scale = {i: 1.0 if s.getHasOnlySubstanceUnits() else sizes[s.getCompartment()] for i, s in species.items()}
    constants = sizes | {p.getId(): p.getValue() for p in model.getListOfParameters()}
    volume = next(iter(sizes.values())) if len(sizes) == 1 else 1.0
    reactions = tuple(_reaction(r, species, scale, constants, volume) for r in model.getListOfReactions())
    initial = {i: _initial(s, sizes) for i, s in species.items()}
    return ReactionNetwork(tuple(species), reactions, initial, volume)


def _check_identifiers(model):
    """Two things of one identifier would silently become one."""
    lists = (model.getListOfCompartments(), model.getListOfSpecies(), model.getListOfParameters())
    names = [item.getId() for items in (*lists, model.getListOfReactions()) for item in items]
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"the identifier {twice!r} is used twice")


def _size(compartment):
    size = compartment.getSize() if compartment.isSetSize() else 1.0
    return checks.positive(f"size of compartment {compartment.getId()}", size)


def _initial(species, sizes):
    name = species.getId()
    if species.isSetConversionFactor():
        raise InputError(f"species {name} has a conversion factor, which is not supported")
    if species.isSetInitialAmount():
        amount = species.getInitialAmount()
    elif species.isSetInitialConcentration():
        amount = species.getInitialConcentration() * sizes[species.getCompartment()]
        # A product such as 0.1 * 30 may miss the whole number it means by rounding alone.
        amount = round(amount) if abs(amount - round(amount)) <= 1e-9 * max(1.0, abs(amount)) else amount
    else:
        raise InputError(f"species {name} has no initial amount")
    return checks.count(f"initial amount of {name} (amounts are molecules)", amount)


def _reaction(reaction, species, scale, constants, volume):
    name = reaction.getId()
    law = reaction.getKineticLaw()
    if law is None or law.getMath() is None:
        raise InputError(f"reaction {name} has no kinetic law")
    if reaction.isSetFast() and reaction.getFast():
        raise InputError(f"reaction {name} is marked fast, which is not supported")
    locals_ = [*law.getListOfParameters(), *law.getListOfLocalParameters()]
    own = {p.getId(): p.getValue() for p in locals_}
    visible = {s: size for s, size in scale.items() if s not in own}
    try:
        found = monomial(law.getMath(), constants | own, visible)
        multiplicity = orders(found)
    except (Unrecognised, InputError) as reason:
        raise InputError(
            f"reaction {name}: the kinetic law is not of a supported mass-action form (k, k*A, k*A*B, k*A*(A-1)): "
            f"{reason}"
        ) from None
    products = dict(multiplicity)
    for s, n in _net_change(reaction, species).items():
        products[s] = products.get(s, 0) + n
        if products[s] < 0:
            raise InputError(
                f"reaction {name} consumes {-n} of {s} and its law does not vanish below that number, so {s} could "
                "become negative"
            )
    rate = found.coefficient * volume ** (sum(multiplicity.values()) - 1)
    return Reaction(tuple(multiplicity.items()), tuple((s, n) for s, n in products.items() if n), rate, name)


def _net_change(reaction, species):
    """Net change by species; repeated references add up, boundary and constant species do not change."""
    change = {}
    for sign, references in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
        for reference in references:
            s = reference.getSpecies()
            checks.choice(f"species in reaction {reaction.getId()}", s, species, "the model has")
            change[s] = change.get(s, 0) + sign * _stoichiometry(reaction, reference)
    return {
        s: n for s, n in change.items() if n and not (species[s].getBoundaryCondition() or species[s].getConstant())
    }


def _stoichiometry(reaction, reference):
    if reference.isSetStoichiometryMath():
        raise InputError(f"reaction {reaction.getId()} has computed stoichiometry, which is not supported")
    value = reference.getStoichiometry()
    return checks.whole(f"stoichiometry of {reference.getSpecies()} in reaction {reaction.getId()}", value, least=0)
