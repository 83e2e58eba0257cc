"""Tables of rate laws that read one species: results do not depend on them, whatever changes during or between runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gillespie_nn as gnn
from gillespie_nn.crn.compiled import law_programs
from gillespie_nn.crn.expressions import name
from gillespie_nn.crn.formula import parse
from gillespie_nn.kernels.laws import NO_TABLE, forget_variables, law_value, law_value_of_counts
from gillespie_nn.simulation import ensemble, replicate_groups
from gillespie_nn.simulation.methods import compiled
from gillespie_nn.simulation.methods import method as base
from gillespie_nn.simulation.run_options import RunOptions
from gillespie_nn.simulation.task import make_task
from helpers.random_expressions import VARIABLES, examples, expressions, laws_of

METHODS = ["direct", "next_reaction", "rejection"]
GENE = """
@parameter K = 6
@parameter n = 2.5
A = 8
make: 0 -> A @ propensity(1 + 30 * K^n / (K^n + A^n))
lose: A -> 0 @ 1
"""
CASES = {
    "an event": ("@event e: when time >= 2; set K = 20\n@event f: when A > 22; set n = 4, A = 3\n", {}),
    "a schedule of a parameter": ("", {"schedule": ["1.5 K=30", "3 K=2 A=40"]}),
    "a schedule of rates": ("", {"schedule": ["1.5 lose=3"]}),
    "noise": ("", {"noise": gnn.RateNoise(0.3, "constant")}),
    "blocks": ("", {}),
}
"""What is added to `GENE`, and to the arguments of `simulate`."""


@pytest.fixture
def without_tables(monkeypatch):
    return lambda: monkeypatch.setattr(law_programs, "_MOST_IN_ALL", 0)


def _run(text, method, **options):
    network = gnn.ReactionNetwork.from_text(text)
    arguments = {"t_end": 5.0, "n_points": 11, "replicates": 30, "seed": 3, "method": method, **options}
    return gnn.simulate(network, **arguments).counts


@examples(200)
@given(expressions(most=6), st.lists(st.integers(0, 3000), min_size=1, max_size=40))
def test_values_from_a_table_are_those_of_the_program_to_the_last_digit(e, counts):
    e = e.substitute({"B": name("A"), "C": name("A"), "time": name("k")})
    laws = laws_of(e)
    assert (laws.programs["table"][0] != NO_TABLE) == ("A" in e.names())
    for n in [*counts, *counts]:
        state = np.array([n, 7, 7])
        np.testing.assert_array_equal(law_value_of_counts(laws, 0, state), law_value(laws, 0, state))


def test_counts_that_share_a_place_have_their_own_values():
    laws = laws_of(parse("k + A"))
    size = laws.table.shape[1]
    for n in (3, 3 + size, 3, 3 + 5 * size, 3 + size, 2**53):
        assert law_value_of_counts(laws, 0, np.array([n, 0, 0])) == 0.75 + n


@pytest.mark.parametrize("text", ["A * B", "A + time", "k", "time"])
def test_other_laws_have_no_table(text):
    laws = laws_of(parse(text))
    assert laws.programs["table"].tolist() == [NO_TABLE] * 2 and not laws.table.size


@pytest.mark.parametrize(("text", "is_timed"), [("A * time", True), ("A * k", False)])
def test_bounds_over_time_are_compiled_only_for_laws_that_read_the_time(text, is_timed):
    assert (laws_of(parse(text)).timed is not None) == is_timed


def test_tables_are_bounded_in_all():
    law = law_programs.program(parse("k + A"), {"A": 0}, VARIABLES)
    sizes = {n: law_programs.arrays([law] * n, [], 1)["table"] for n in
             (1, 1000, 20_000)}  # fmt: skip
    assert [table.shape for table in sizes.values()] == [(1, 1024), (1000, 128), (0, 1)]
    assert max(table.nbytes for table in sizes.values()) <= 2**21


def test_values_and_the_fixed_part_follow_the_variables_once_they_are_forgotten():
    laws = laws_of(parse("k^2 + A"))
    counts = np.array([3, 0, 0])
    assert law_value_of_counts(laws, 0, counts) == 0.75**2 + 3
    laws.variables[VARIABLES["k"]] = 2.0
    assert law_value(laws, 0, counts) == law_value_of_counts(laws, 0, counts) == 0.75**2 + 3
    forget_variables(laws)
    assert law_value(laws, 0, counts) == law_value_of_counts(laws, 0, counts) == 7


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_runs_are_the_same_without_tables(case, method, without_tables):
    more, options = CASES[case]
    with_tables = _run(GENE + more, method, **options)
    without_tables()
    np.testing.assert_array_equal(with_tables, _run(GENE + more, method, **options))


@pytest.mark.parametrize("case", ["an event", "a schedule of a parameter"])
@pytest.mark.parametrize("method", METHODS)
def test_a_change_of_parameters_that_is_not_told_is_caught(case, method, monkeypatch):
    more, options = CASES[case]
    right = _run(GENE + more, method, **options)
    monkeypatch.setattr(base, "forget_variables", lambda laws: None)
    assert (right != _run(GENE + more, method, **options)).any()


@pytest.mark.parametrize("method", METHODS)
def test_replicates_start_with_the_parameters_of_the_model_again(method, monkeypatch):
    """They run one after another in one simulation, which is put back to its start."""
    network = gnn.ReactionNetwork.from_text(GENE + CASES["an event"][0])
    task = make_task(network, RunOptions.of({"t_end": 5.0, "n_points": 11, "seed": 3, "method": method}))[0]

    def rows(replicates):
        found = {}
        with replicate_groups.Replicates(task) as one_by_one:
            for r in replicates:
                one_by_one.alone(r, lambda r, first, rows, *_: found.setdefault(r, []).append(rows.copy()), never)
        return np.concatenate(found[2])

    def never(fraction):
        return False

    np.testing.assert_array_equal(rows([0, 1, 2]), rows([2]))
    monkeypatch.setattr(compiled, "forget_variables", lambda laws: None)
    assert (rows([0, 1, 2]) != rows([2])).any()


@pytest.mark.parametrize("method", METHODS)
def test_blocks_give_what_replicates_give_alone(method, monkeypatch):
    together = _run(GENE, method)
    for module in (replicate_groups, ensemble):
        monkeypatch.setattr(module, "go_in_blocks", lambda task: False)
    np.testing.assert_array_equal(together, _run(GENE, method))


def test_rows_of_a_sweep_have_tables_of_their_own(without_tables):
    def counts():
        network = gnn.ReactionNetwork.from_text(GENE)
        options = {"t_end": 5.0, "n_points": 3, "replicates": 20, "seed": 4, "method": "direct", "workers": 1}
        return [run.counts for run in gnn.sweep(network, grid={"K": [2.0, 30.0, 2.5]}, **options)]

    with_tables = counts()
    assert len(with_tables) == 3
    without_tables()
    for a, b in zip(with_tables, counts(), strict=True):
        np.testing.assert_array_equal(a, b)
