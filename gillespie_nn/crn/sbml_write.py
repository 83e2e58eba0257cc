"""A reaction network to SBML level 3 version 1, so that other programs simulate the same model."""

from pathlib import Path

from .. import checks
from ..checks import UnfinishedError

KINETICS = ("stochastic", "deterministic")
_COMPARTMENT = "reactor"
_RESERVED = {"time", "pi", "avogadro", "nan", "notanumber", "inf", "infinity", "true", "false", "exponentiale", "e"}


def write(network, path=None, kinetics="stochastic", volume=None, initial=None) -> str:
    """Write `network` in `volume` (default: its own, else 1), with overrides of initial counts by name.

    `stochastic`: amounts are molecules in a compartment of size 1 and the law is the propensity, with falling
    factorials and Omega folded into its constant. `deterministic`: species are concentrations in a compartment of
    size Omega and the law is Omega * k * c^nu. Returns the document.
    """
    sbml = checks.optional("libsbml", "sbml", "writing SBML")
    checks.choice("kinetics", kinetics, KINETICS)
    if volume is not None and network.volume is not None:
        raise checks.InputError(f"the model fixes its volume at {network.volume}: leave volume={volume!r} out")
    volume = checks.positive("volume", volume if volume is not None else network.volume or 1.0)
    counts = network.counts(initial)
    _refuse_clashes(network)
    stochastic = kinetics == "stochastic"
    document = sbml.SBMLDocument(3, 1)
    model = document.createModel()
    model.setId("model")
    model.setSubstanceUnits("item")
    model.setExtentUnits("item")
    model.setTimeUnits("second")
    compartment = model.createCompartment()
    compartment.setId(_free_name(network))
    compartment.setConstant(True)
    compartment.setSize(1.0 if stochastic else volume)
    compartment.setSpatialDimensions(3)
    for name, n in zip(network.species, counts.tolist()):
        species = model.createSpecies()
        species.setId(name)
        species.setCompartment(compartment.getId())
        species.setHasOnlySubstanceUnits(stochastic)
        species.setBoundaryCondition(False)
        species.setConstant(False)
        if stochastic:
            species.setInitialAmount(n)
        else:
            species.setInitialConcentration(n / volume)
    for reaction in network.reactions:
        _reaction(sbml, model, reaction, volume, stochastic, compartment.getId())
    text = sbml.writeSBMLToString(document)
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UnfinishedError(f"cannot write {path}: {error.strerror}") from None
    return text


def _reaction(sbml, model, reaction, volume, stochastic, compartment):
    entry = model.createReaction()
    entry.setId(reaction.name)
    entry.setReversible(False)
    entry.setFast(False)
    for side, create in ((reaction.reactants, entry.createReactant), (reaction.products, entry.createProduct)):
        for name, n in side:
            reference = create()
            reference.setSpecies(name)
            reference.setStoichiometry(n)
            reference.setConstant(True)
    if reaction.threshold is not None:
        on_a_side = {s for s, _ in (*reaction.reactants, *reaction.products)}
        for name in sorted(reaction.read_species() - on_a_side):
            entry.createModifier().setSpecies(name)
    law = entry.createKineticLaw()
    rate = reaction.rate * volume ** (1 - reaction.order) if stochastic else reaction.rate
    factors = [repr(float(rate))] if stochastic else [compartment, repr(float(rate))]
    for name, n in reaction.reactants:
        if stochastic:
            factors += [name] + [f"({name} - {k})" for k in range(1, n)]
        else:
            factors.append(name if n == 1 else f"{name}^{n}")
    factors += _threshold(reaction)
    law.setMath(sbml.parseL3Formula(" * ".join(factors)))


def _threshold(reaction):
    if reaction.threshold is None:
        return []
    kind, above, below = reaction.threshold
    value = "1" if kind == "step" else f"{above} - {below}"
    return [f"piecewise({value}, {above} > {below}, 0)"]


def _refuse_clashes(network):
    """Names that mean something else in SBML formulae, or that two things share, would change the model silently."""
    for name in network.species:
        if name.lower() in _RESERVED:
            raise checks.InputError(f"species {name!r} has the name of a constant or function in SBML: rename it")
    for r in network.reactions:
        if r.name in network.index:
            raise checks.InputError(f"{r.name!r} names a reaction and a species, which SBML does not allow: rename one")


def _free_name(network):
    """A compartment name that no species or reaction has."""
    taken = {*network.species, *(r.name for r in network.reactions)}
    name = _COMPARTMENT
    while name in taken:
        name += "_"
    return name
