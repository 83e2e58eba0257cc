"""The next moment at which the condition of an event changes: right to the last digit, or NaN."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gillespie_nn.crn.expressions import RELATIONS, name, number, operation
from gillespie_nn.crn.formula import parse
from gillespie_nn.kernels.interval_bounds import next_crossing
from gillespie_nn.kernels.laws import TIME_VARIABLE
from helpers.random_expressions import examples, laws_of, value_of


def _crossing(condition, counts=(0, 0, 0), start=0.0, end=100.0):
    program = laws_of(condition, time=1.25, window=(0.5, 0.75))
    found = next_crossing(program, 0, np.array(counts), start, end)
    assert program.variables[TIME_VARIABLE] == 1.25 and program.window[:2].tolist() == [0.5, 0.75]
    return found


def after(time):
    return np.nextafter(time, np.inf)


@pytest.mark.parametrize(
    "text, a, start, expected",
    [
        ("time >= 25", 0, 0, 25), ("time > 25", 0, 0, after(25)), ("time < 25", 0, 0, 25),
        ("time >= 25", 0, 25, np.inf), ("time <= 25", 0, 7, after(25)), ("time > 25", 0, 25, after(25)),
        ("time == 3", 0, 0, 3), ("time != 3", 0, 1, 3),
        ("time == 3", 0, 3, after(3)), ("time == 3", 0, after(3), np.inf), ("A > 5 && time > 2", 3, 0, np.inf),
        ("A > 5 && time > 2", 6, 0, after(2)), ("time > 100", 0, 0, np.inf), ("time >= 100", 0, 0, 100),
        ("time", 0, 0, 5e-324), ("A * time >= 30", 8, 0, 3.75), ("floor(time / 4) == 5 || A", 0, 0, 20),
        ("floor(time / 4) == 5 || A", 1, 0, np.inf), ("piecewise(time > 9, A > 2, time > 4)", 2, 0, after(4)),
        ("abs(time - 50) <= 1", 0, 0, 49), ("time - 40", 0, 40, after(40)), ("time - 40", 0, 0, 40),
        ("A > 2", 3, 0, np.inf), ("1 / (time - 8) > 0", 0, 0, 8), ("time > 25", 0, 100, np.inf),
    ],
)  # fmt: skip
def test_the_next_change_of_a_condition_is_found_to_the_last_digit(text, a, start, expected):
    assert _crossing(parse(text), (a, 0, 0), start) == expected


@pytest.mark.parametrize(
    "text, start, expected",
    [
        ("sin(time) > 0.5", 0, np.arcsin(0.5)), ("sin(time) > 0.5", 1, np.pi - np.arcsin(0.5)),
        ("exp(time) > 5", 0, np.log(5)), ("cos(2 * time) < 0", 50, 16.25 * np.pi), ("sin(time) > 1", 0, np.inf),
        ("tan(time) > 1", 0, np.pi / 4), ("tan(time) > 1", 1, np.pi / 2), ("sin(time) + 2 < cos(time)", 0, np.inf),
        ("time^2 >= 2", 0, np.sqrt(2)), ("exp(-time / 9) < k", 0, 9 * np.log(4 / 3)),
    ],
)  # fmt: skip
def test_the_next_change_of_a_smooth_condition_is_found_to_twelve_digits(text, start, expected):
    assert _crossing(parse(text), start=start) == pytest.approx(expected, rel=1e-12)


def _conditions():
    times = st.tuples(st.sampled_from(RELATIONS), st.integers(0, 9)).map(
        lambda drawn: operation(drawn[0], (name("time"), number(drawn[1])))
    )

    def inner(trees):
        pairs = st.tuples(st.sampled_from(["and", "or", "==", "!="]), trees, trees)
        return pairs.map(lambda drawn: operation(drawn[0], drawn[1:])) | trees.map(lambda e: operation("not", (e,)))

    return st.recursive(times, inner, max_leaves=6)


def test_conditions_made_of_thresholds_change_where_trying_all_of_them_says():
    """They can change at the thresholds and just after them alone."""
    n = {np.inf: 0, "found": 0}

    @examples(300)
    @given(_conditions(), st.sampled_from([0.0, 2.0, after(2.0), 4.5]))
    def compare(condition, start):
        tried = [t for k in range(10) for t in (float(k), after(float(k))) if t > start]
        before = value_of(condition, (0, 0, 0), start)
        expected = next((t for t in tried if value_of(condition, (0, 0, 0), t) != before), np.inf)
        assert _crossing(condition, start=start, end=10.0) == expected
        n[np.inf if expected == np.inf else "found"] += 1

    compare()
    assert min(n.values()) > 50


@pytest.mark.parametrize(
    "text, answer",
    [
        ("time > time - 0 * A", np.inf), ("sin(time) >= 1", np.pi / 2), ("time - time == 0", np.inf),
        ("sin(time)^2 + cos(time)^2 > 2", np.inf), ("sin(time) > sin(time + 2 * pi) + 1e-12", np.inf),
    ],
)  # fmt: skip
def test_what_cannot_be_told_ends_with_nan_or_the_right_answer(text, answer):
    found = _crossing(parse(text))
    assert np.isnan(found) or found == pytest.approx(answer, abs=3e-8)


@pytest.mark.parametrize(
    "text, expected", [("ln(5 - time) < 2", after(5)), ("sqrt(5 - time) <= 1e999", after(5)), ("!ln(time - 5)", 6.0)]
)
def test_a_change_where_a_function_becomes_undefined_is_found_or_said_to_be_unknown(text, expected):
    found = _crossing(parse(text))
    assert found == expected or (np.isnan(found) and text.startswith("!"))
