"""Bounds of rate laws over intervals of counts and time hold, and errors planted in them are caught."""

import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gillespie_nn.crn.formula import parse
from gillespie_nn.kernels import interval_bounds, laws
from gillespie_nn.kernels.interval_bounds import law_range
from gillespie_nn.kernels.laws import TIME_VARIABLE, law_value
from helpers.random_expressions import NOT_ROUGH, examples, expressions, laws_of, value_of


def _box(rng):
    """Random ends of the counts and of the time."""
    low = rng.integers(0, 12, 3) * rng.integers(0, 2, 3)
    time = rng.choice([0.0, 10.0]) * rng.random()
    wide = rng.choice([0.0, 1e-9, 1.0, 4.0, 30.0]) * rng.random()
    return low, low + rng.choice([0, 1, 8, 60], 3) * rng.integers(0, 3, 3), (time, time + wide)


def _outside(range_of, e, rng, n_points=25):
    """Points of a random box at which the value is outside the bounds; and whether the bounds are finite."""
    low, high, window = _box(rng)
    program = laws_of(e, window=window)
    with np.errstate(all="ignore"):
        lower, upper = range_of(program, 0, low, high)
    found = []
    for k in range(n_points):
        u = rng.choice([0.0, 1.0, rng.random()], 4) if k else np.zeros(4)
        counts = low + np.rint(u[:3] * (high - low)).astype(np.int64)
        time = min(window[0] + u[3] * (window[1] - window[0]), window[1])
        program.variables[TIME_VARIABLE] = time
        value = law_value(program, 0, counts)
        slack = 1e-12 * abs(value) if np.isfinite(value) else 0.0
        if value < lower - slack or value > upper + slack:
            found.append((str(e), counts.tolist(), float(time), float(value), (float(lower), float(upper))))
    return found, np.isfinite(lower) and np.isfinite(upper)


def test_bounds_of_random_expressions_hold_and_are_mostly_finite():
    finite = []

    @examples(1000)
    @given(expressions(NOT_ROUGH, most=6), st.integers(0, 2**32))
    def bound(e, seed):
        found, is_finite = _outside(law_range, e, np.random.default_rng(seed))
        assert not found
        finite.append(is_finite)

    bound()
    assert np.mean(finite) > 0.6


CASES = {
    "A * (A - 1) / (k + A)": 1.0, "(A - 5) * (B - 3) * (C - 2)": 1.0, "1 / (A - 3)": 0.2, "B / (A - 4)^2": 0.1,
    "(A - 3)^3": 1.0, "(A - 3)^2": 1.0, "(3 - A)^-2": 0.2, "(A - 3)^B": 0.0, "(A - 3)^0.5": 0.0, "(A - 3)^0": 1.0,
    "A^2.5": 1.0, "k^A": 1.0, "A^(B - 3)": 0.2, "sin(time)": 1.0, "sin(9 * time) * A": 1.0, "cos(A - time)": 1.0,
    "tan(time)": 0.3, "tan(time / 8)": 0.5, "floor(A / 3) - ceil(-B / 7)": 1.0, "floor(sin(time + 1) * 4)": 1.0,
    "(A < B) + 2 * (B <= C)": 1.0, "(A == 3) - (B != C)": 1.0, "A > 3 && time > 2 || !(B == 0)": 1.0, "A && B": 1.0,
    "A - 3 || B - C": 1.0, "!(A - 3)": 1.0, "piecewise(A, A < 5, B - A, time < 3, -C)": 1.0, "min(A, B, 7)": 1.0,
    "piecewise(1 / A, A > 0, 9)": 0.2, "max(A - B, 0, -time)": 1.0, "factorial(A)": 0.2, "factorial(k * A)": 0.1,
    "quotient(A, B)": 0.0, "rem(A, 5)": 0.0, "rem(A + B, 7) * 0": 0.0, "abs(A - B)": 1.0, "abs(3 - A)^1.5": 1.0,
    "cosh((A - 5) / 9)": 1.0, "sinh((A - 5) / 9)": 1.0, "tanh(A - 5)": 1.0, "arcsin((A - 5) / 90)": 0.5,
    "arccos((A - 5) / 90)": 0.5, "arctan(A - B)": 1.0, "arcsinh(A - B)": 1.0, "arccosh(A)": 0.1, "arctanh(A / 70)": 0.5,
    "ln(A)": 0.2, "log10(A + 1)": 1.0, "sqrt(A)": 1.0, "sqrt(A - 3)": 0.1, "exp(-A) - exp(-B)": 1.0, "A - A": 1.0,
    "exp(A * A)": 0.3,
}  # fmt: skip
"""Laws, and the least share of boxes over which their bounds are finite."""


@pytest.mark.parametrize("text", CASES)
def test_bounds_hold_over_boxes_whole_and_one_point_wide(text):
    rng, e = np.random.default_rng(1), parse(text)
    results = [_outside(law_range, e, rng) for _ in range(150)]
    assert not sum([found for found, _ in results], [])
    assert np.mean([finite for _, finite in results]) >= CASES[text]
    for _ in range(50):
        (counts, _, (time, _)) = _box(rng)
        value = value_of(e, counts, time)
        if np.isfinite(value):
            program = laws_of(e, window=(time, time))
            np.testing.assert_allclose(law_range(program, 0, counts, counts), value, rtol=1e-12, atol=2e-12)


UNDEFINED = [
    "!ln(A - 3)", "ln(A - 3) < 5", "!piecewise(B, A)", "cos(arccosh(A)) <= 3", "cosh(sin(ln(A - 3))) < 5",
    "9 >= arctan(arccosh(A))", "piecewise(1, ln(A - 3) < 5, 7)", "sqrt(A - 3) <= 1e999",
]  # fmt: skip
FAR_OUT = ["cos(1000000 + A)", "cos(1e9 * time)", "sin(1e7 * time + A)"]


@pytest.mark.parametrize("text", UNDEFINED + FAR_OUT)
def test_bounds_hold_where_something_is_undefined_and_where_a_cosine_is_far_out(text):
    rng, e = np.random.default_rng(2), parse(text)
    assert not sum([_outside(law_range, e, rng)[0] for _ in range(300)], [])


def _python_twin(plant=None, replacement=None):
    """`law_range` in plain Python, one of the functions it is made of replaced."""
    space = {}
    for module in (laws, interval_bounds):
        for key, value in vars(module).items():
            plain = getattr(value, "py_func", None)
            space[key] = types.FunctionType(plain.__code__, space) if plain else value
    if plant:
        space[plant] = replacement(space[plant], space)
    return space["law_range"]


def _in_op(op, planted):
    """A replacement that gives `planted(space, *ends)` for one operation."""
    return lambda right, space: lambda o, *ends: planted(space, *ends) if o == op else right(o, *ends)


PLANTS = {
    "sine at the ends only": ("sin(time)", "_wave", lambda right, space: (
        lambda a, b, phase: (min(np.sin(a + phase), np.sin(b + phase)), max(np.sin(a + phase), np.sin(b + phase))))),
    "cosine with the phase of the sine": ("cos(time)", "_wave", lambda right, space: lambda a, b, _: right(a, b, 0.0)),
    "no pole in a quotient": ("1 / (A - 3)", "_binary_range", _in_op(laws.DIVIDE, lambda space, *ends: (
        space["_corners"](laws.DIVIDE, *ends)))),
    "even powers at the ends only": ("(A - 3)^2", "_power", lambda right, space: lambda *ends: (
        space["_corners"](laws.POWER, *ends))),
    "no pole in a tangent": ("tan(time)", "_unary_range", _in_op(laws.TAN, lambda space, a, b: (np.tan(a), np.tan(b)))),
    "absolute value at the ends only": ("abs(A - 3)", "_unary_range", _in_op(laws.ABS, lambda space, a, b: (
        min(abs(a), abs(b)), max(abs(a), abs(b))))),
    "two corners of a product": ("(A - 5) * (B - 3)", "_binary_range", _in_op(laws.MULTIPLY, lambda space, a, b, c, d: (
        min(a * c, b * d), max(a * c, b * d)))),
    "an equality that holds for sure": ("A == 3", "_binary_range", _in_op(laws.EQUAL, lambda space, a, b, c, d: (
        (float(a <= c <= b),) * 2))),
    "strictness of less or equal": ("A <= 3", "_binary_range", _in_op(laws.LESS_OR_EQUAL, lambda space, a, b, c, d: (
        float(b <= c), float(a < d)))),
    "not of both ends": ("!(A - 3)", "_unary_range", _in_op(laws.NOT, lambda space, a, b: (
        float(a == 0), float(b == 0)))),
}  # fmt: skip


@pytest.mark.parametrize("plant", PLANTS)
def test_planted_errors_in_the_bounds_are_caught(plant):
    text, function, replacement = PLANTS[plant]
    for twin, caught in ((_python_twin(), False), (_python_twin(function, replacement), True)):
        rng = np.random.default_rng(3)
        assert any(_outside(twin, parse(text), rng)[0] for _ in range(150)) == caught
