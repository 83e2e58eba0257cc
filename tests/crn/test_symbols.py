"""The symbol table: what a written name means in a scope, and the identifier that it gets."""

import pytest

import gillespie_nn as gnn
from gillespie_nn.crn.expressions import name, number
from gillespie_nn.crn.names import (
    BUILT_IN,
    COMPARTMENT,
    CONSTANT,
    FUNCTION,
    LOCAL,
    PARAMETER,
    REACTION,
    RULE,
    SPECIES,
    TIME,
    VOLUME,
    Scope,
)

pytestmark = pytest.mark.fast


def test_a_name_is_defined_once_and_means_that_from_then_on():
    scope = Scope()
    symbol = scope.define("k", PARAMETER)
    assert (symbol.kind, symbol.identifier, symbol.expression) == (PARAMETER, "k", name("k"))
    assert scope.find("k") == symbol and scope.find("q") is None
    assert "k" in scope and "q" not in scope and 3 not in scope and list(scope) == ["k"]


@pytest.mark.parametrize(
    "kind, what",
    [
        (PARAMETER, "parameter 'k' is defined twice: give each parameter a different name"),
        (SPECIES, "'k' names a parameter and a species: rename one"),
        (REACTION, "'k' names a parameter and a reaction: rename one"),
        (FUNCTION, "'k' names a parameter and a function: rename one"),
    ],
)
def test_a_name_with_two_meanings_is_refused(kind, what):
    scope = Scope()
    scope.define("k", PARAMETER)
    with pytest.raises(gnn.InputError) as error:
        scope.define("k", kind)
    assert str(error.value) == what


@pytest.mark.parametrize("written", list(BUILT_IN))
def test_what_a_language_has_built_in_cannot_be_defined_in_it(written):
    with pytest.raises(gnn.InputError, match=f"'{written}' is reserved in expressions: rename it"):
        Scope(BUILT_IN).define(written, SPECIES)


def test_constants_are_numbers_and_the_time_and_the_volume_are_names():
    meanings = {written: symbol.expression for written, symbol in BUILT_IN.items()}
    assert meanings.pop("time") == name("time") and meanings.pop("volume") == name("volume")
    assert meanings["pi"] == number(3.141592653589793) and meanings["false"] == number(0)
    assert {BUILT_IN[written].kind for written in meanings} == {CONSTANT}
    assert (BUILT_IN["time"].kind, BUILT_IN["volume"].kind) == (TIME, VOLUME)


@pytest.mark.parametrize("written", list(BUILT_IN))
def test_in_a_language_without_it_the_name_is_free_and_its_identifier_is_not_the_built_in_one(written):
    """SBML: the time has an element of its own, and a parameter may be called `time`."""
    symbol = Scope().define(written, PARAMETER)
    assert symbol.kind == PARAMETER and symbol.expression == name(f"{written}_")


def test_an_inner_scope_shadows_and_its_identifiers_are_others():
    model = Scope()
    model.define("k", PARAMETER)
    model.define("cell", COMPARTMENT)
    first, second = Scope(above=model), Scope(above=model)
    assert first.define("k", LOCAL).identifier == "k_"
    assert first.define("q", LOCAL).identifier == "q"
    assert second.define("k", LOCAL).identifier == "k_"  # siblings never meet
    assert (first.find("k").kind, model.find("k").kind) == (LOCAL, PARAMETER)
    assert first.find("cell").kind == COMPARTMENT and model.find("q") is None
    assert first.names() == ["cell", "k", "q"] and first.names(PARAMETER) == []


def test_an_identifier_is_given_once():
    scope = Scope()
    scope.define("A", SPECIES)
    assert [scope.take("A"), scope.take("A"), scope.take("B"), scope.take("time")] == ["A_", "A__", "B", "time_"]
    assert scope.is_taken("A_") and not scope.is_taken("C")
    assert scope.define("A_", RULE).identifier == "A___"


def test_what_is_unknown_or_of_another_kind_is_refused_with_what_there_is():
    scope = Scope()
    scope.define("Ab", SPECIES)
    scope.define("k", PARAMETER)
    assert scope.meaning("k", "symbol").kind == PARAMETER
    with pytest.raises(gnn.InputError, match=r"unknown symbol 'ab' \(did you mean 'Ab'\?\): known are Ab, k"):
        scope.meaning("ab", "symbol")
    with pytest.raises(gnn.InputError, match="unknown species 'k'.*: the model has Ab"):
        scope.meaning("k", "species", SPECIES, known="the model has")


def test_a_network_says_what_its_expressions_may_read():
    net = gnn.ReactionNetwork.from_text("A: A -> 0 @ propensity(k * load)\n@parameter k = 2\n@rule load = A + 1")
    kinds = {written: net.symbols.find(written).kind for written in ("A", "k", "load", "time", "pi")}
    assert kinds == {"A": SPECIES, "k": PARAMETER, "load": RULE, "time": TIME, "pi": CONSTANT}
    assert dict(net.reaction_index) == {"A": 0}
