"""Programs of rate laws: the interpreter gives the values of the expressions."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gillespie_nn.crn.compiled.law_programs import program
from gillespie_nn.crn.expressions import FUNCTIONS, name, number, operation
from gillespie_nn.crn.formula import parse
from gillespie_nn.kernels.laws import law_value
from helpers.random_expressions import EXACT, SPECIES, VARIABLES, examples, expressions, laws_of, node, value_of

ROUNDED_OTHERWISE = {*FUNCTIONS, "power"} - EXACT
OTHERS = {"volume": 2.0, "k": 0.75}


def _expected(e, counts, time):
    return e.evaluate({**dict(zip(SPECIES, counts)), **OTHERS, "time": time})


def _perturbed(e, amount):
    """Functions that are not rounded correctly changed by a relative `amount`."""
    if not e.args:
        return e
    e = node(e.op, tuple(_perturbed(a, amount) for a in e.args))
    return operation("product", (number(1 + amount), e)) if e.op in ROUNDED_OTHERWISE else e


@examples(400)
@given(expressions(EXACT, most=10), st.lists(st.integers(0, 40), min_size=3, max_size=3), st.floats(0, 20))
def test_what_is_rounded_correctly_has_the_value_of_the_expression_to_the_last_digit(e, counts, time):
    np.testing.assert_array_equal(value_of(e, counts, time), _expected(e, counts, time))


def test_random_expressions_have_the_value_of_the_expression():
    """Those that change much when their functions change in the last digits are left to the other tests."""
    n = {"compared": 0, "all": 0}

    @examples(500)
    @given(expressions(), st.lists(st.integers(0, 40), min_size=3, max_size=3), st.floats(0, 20))
    def compare(e, counts, time):
        n["all"] += 1
        expected = _expected(e, counts, time)
        near = [_expected(_perturbed(e, amount), counts, time) for amount in (4e-15, -4e-15)]
        if np.allclose(near, expected, rtol=1e-13, atol=0, equal_nan=True):
            n["compared"] += 1
            np.testing.assert_allclose(value_of(e, counts, time), expected, rtol=1e-12)

    compare()
    assert n["compared"] > 0.7 * n["all"]


@pytest.mark.parametrize("function", sorted({*FUNCTIONS, "power"} - {"piecewise"}))
def test_functions_have_the_values_of_numpy(function):
    points = [-np.inf, -1e300, -20.5, -2, -1, -0.3, -0.0, 0.0, 1e-300, 0.3, 1, 2.5, 3, 170, 172, np.inf, np.nan]
    e = node(function, (name("volume"), name("k"))[: 1 if FUNCTIONS.get(function, 2) == 1 else 2])
    for a, b in itertools.product(points, points if len(e.args) == 2 else [1.0]):
        found = law_value(laws_of(e, volume=a, k=b), 0, np.zeros(3, dtype=np.int64))
        np.testing.assert_allclose(found, e.evaluate({"volume": a, "k": b}), rtol=1e-12, err_msg=f"{a}, {b}")


COMPILED = {  # constants, instructions of the fixed part, and of the body
    "k^2 / (k^2 + A^2) + A^2": (1, 2, 5),
    "volume * k / (1 + (A / volume)^k)": (1, 3, 5),
    "piecewise(A, k > 1, B, time > k, A)": (1, 2, 6),
    "A * B / (A + B) * time": (0, 0, 7),
    "exp(k) + 2 * 3": (2, 4, 0),
    "5": (1, 0, 0),
}


@pytest.mark.parametrize("text", COMPILED)
def test_each_operation_is_compiled_once_and_what_reads_neither_counts_nor_time_comes_first(text):
    e = parse(text)
    found = program(e, SPECIES, VARIABLES)
    assert (len(found.constants), found.n_fixed, len(found.instructions) - found.n_fixed) == COMPILED[text]
    laws = laws_of(e)
    for time in (0.5, 3.0):  # the fixed part is executed in the first round alone
        laws.variables[VARIABLES["time"]] = time
        assert law_value(laws, 0, np.array([4, 7, 0])) == _expected(e, (4, 7, 0), time)


def test_programs_do_not_disturb_each_other():
    trees = [parse(text) for text in COMPILED]
    laws = laws_of(*trees)
    for counts in ((4, 7, 0), (0, 1, 2)):
        for p, e in enumerate(trees):
            assert law_value(laws, p, np.array(counts)) == _expected(e, counts, 0.0)


def test_laws_run_where_numba_is_told_not_to_compile():
    code = (
        "import gillespie_nn as gnn\n"
        "n = gnn.ReactionNetwork.from_text('0 -> P @ propensity(5 / (1 + P))\\nP -> 0 @ 1')\n"
        "methods = 'direct', 'next_reaction', 'rejection', 'layered', 'tau_leap', 'langevin'\n"
        "print([gnn.simulate(n, 2.0, 3, replicates=2, method=m, seed=1).of('P').tolist() for m in methods])\n"
        "n = gnn.ReactionNetwork.from_text('A = 50\\n0 -> A @ 9\\n2 A -> B @ 0.1\\nB -> 2 A @ 1')\n"
        "for scheme in ('explicit', 'trapezoidal'):\n"
        "    print(gnn.simulate(n, 2.0, 3, replicates=2, method='tau_leap', scheme=scheme, seed=1).counts.tolist())\n"
    )
    run = [
        subprocess.run([sys.executable, "-c", code], env=os.environ | extra, capture_output=True, text=True, check=True)
        for extra in ({}, {"NUMBA_DISABLE_JIT": "1"})
    ]
    assert run[0].stdout == run[1].stdout
