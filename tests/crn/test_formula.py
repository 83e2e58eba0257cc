"""The text of expressions: what it means (Python's own reading is the twin), that it comes back, what is refused."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gillespie_nn.checks import InputError
from gillespie_nn.crn.expressions import MOST_DEEP, MOST_NODES, Expression, call, checked, name, number, operation
from gillespie_nn.crn.formula import parse
from helpers.random_expressions import EXACT, examples, expressions

pytestmark = pytest.mark.fast

VALUES = {"a": 3.0, "b": 2.0, "c": -0.5, "d": 7.0, "z": 0.0}


class Twin(float):
    """A float with numpy's arithmetic, whose truth is 1 or 0, and whose ~ is `not`: Python's precedence of ~ is that of
    the minus sign."""

    def __neg__(self):
        return Twin(-float(self))

    def __pos__(self):
        return self

    def __invert__(self):
        return Twin(not self)

    def __hash__(self):
        return float.__hash__(self)


def _of_numpy(method):
    return lambda self, other: Twin(getattr(np.float64(self), method)(np.float64(other)))


for _method in ("add", "sub", "mul", "truediv", "pow", "lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Twin, f"__{_method}__", _of_numpy(f"__{_method}__"))


def twin(text):
    """Value of the text as Python reads it."""
    text = re.sub(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", r"Twin(\g<0>)", text)
    text = re.sub(r"!(?!=)", "~", text).replace("^", "**").replace("&&", " and ").replace("||", " or ")
    with np.errstate(all="ignore"):
        return eval(f"({text})", {"Twin": Twin}, {n: Twin(v) for n, v in VALUES.items()})


@pytest.mark.parametrize(
    "text",
    [
        "a - b - c", "a - (b - c)", "a / b / d", "a / (b / d)", "a / b * d", "a * b / d", "a - b + c", "a + b * d",
        "(a + b) * d", "a^b^a", "(a^b)^a", "-a^b", "(-a)^b", "a^-b", "a^-b^a", "-a^-b", "2^-1", "- - a", "--a", "-+-a",
        "a*-b", "a/-b*d", "a - -b", "a+-b^2*d", "-a*b", "-a/b/d", "2*a^2", ".5*a", "5.*a", "1e-1*a", "1E+1+a", "!z",
        "!a", "!!a", "!a^b", "!z^b", "-!z", "!-a", "a^!z", "!z + a", "!a * b", "a + b < d", "a < b + d", "a * b >= a^b",
        "(a < b) + (b < a)", "-(a < d)", "!(a < d)", "!a == b", "a != b", "a <= a", "a == 3", "a>=b", "(a>b)!=(b>a)",
        "z && z || a", "a || z && z", "(a || z) && z", "z || a && b", "z == 0 && a > b", "a < b || b < a && z",
        "!z && !(a < b)", "z && (a || b)", "z || (a && z)", "(a)", "((a))+((b))", " a\t+\nb ",
    ],
)  # fmt: skip
def test_operations_group_as_in_python(text):
    expected, found = twin(text), parse(text).evaluate(VALUES)
    if "&&" in text or "||" in text:  # Python gives the last operand looked at
        expected = float(bool(expected))
    assert found == expected


def _operands(inner):
    plain = st.sampled_from([*VALUES, "2", "0.5", ".25", "3.", "1e-2", "4E0"])
    bracketed = inner.map(lambda text: f"({text})")
    return st.tuples(st.sampled_from(["", "", "", "-", "- ", "+", "--", "!"]), plain | bracketed).map("".join)


def _arithmetic(inner):
    return st.tuples(
        _operands(inner), st.lists(st.tuples(st.sampled_from(["+", " - ", "-", "*", " / ", "/", "^", "^ "]), inner))
    ).map(lambda parts: parts[0] + "".join(sign + operand for sign, operand in parts[1]))


@examples(300)
@given(st.recursive(_operands(st.just("a")), lambda t: _arithmetic(t) | _operands(t), max_leaves=12))
def test_random_arithmetic_has_the_value_that_python_gives_it(text):
    np.testing.assert_allclose(parse(text).evaluate(VALUES), float(twin(text)), rtol=1e-13)


@pytest.mark.parametrize(
    "text, value",
    [
        ("pi", math.pi), ("exponentiale", math.e), ("avogadro", 6.02214179e23), ("true", 1), ("false", 0),
        ("1e999", np.inf), ("-1e999", -np.inf), ("0/0", np.nan), ("0.1", 0.1), ("5e-324", 5e-324), ("007", 7),
        ("piecewise(1, a > 5, 2, a > 2, 3)", 2), ("piecewise(1, a > 5, 2, a > 4, 3)", 3), ("piecewise(4)", 4),
        ("piecewise(1, a > 5)", np.nan), ("min(a, b, c)", -0.5), ("max(a, b, c)", 3), ("min(a)", 3),
        ("quotient(-7, b)", -3), ("rem(-7, b)", -1), ("rem(7, -b)", 1), ("factorial(4)", 24), ("abs(c)", 0.5),
        ("floor(c)", -1), ("ceil(c)", 0), ("factorial(c)", np.nan), ("ln(exp(a))", 3), ("log10(1000)", 3),
        ("sqrt(a*a)", 3), ("arcsin(1)*2", math.pi), ("cosh(0)", 1), ("max(0/0, a)", np.nan), ("a - 1e999", -np.inf),
    ],
)  # fmt: skip
def test_constants_and_functions_have_their_values(text, value):
    assert parse(text).evaluate(VALUES) == pytest.approx(value, rel=1e-15, nan_ok=True)


@examples(500)
@given(expressions(most=12))
def test_an_expression_comes_back_from_its_text(e):
    assert parse(str(e)) == e


@examples(100)
@given(st.floats())
def test_a_number_comes_back_from_its_text_to_the_last_digit(x):
    found = parse(str(number(x)))
    assert found == number(x)
    np.testing.assert_array_equal(found.evaluate({}), x)


@examples(200)
@given(expressions(EXACT, values=st.floats()), st.floats(), st.floats())
def test_substitution_gives_the_value_at_what_is_put_in(e, a, b):
    values = {n: 2.0 for n in e.names()}
    put = e.substitute({"A": number(a), "B": name("A")})
    assert not put.names() & {"B"}
    found, expected = put.evaluate(values | {"A": b}), e.evaluate(values | {"A": a, "B": b})
    np.testing.assert_array_equal(found, expected)
    assert parse(str(put)) == put


def test_brackets_that_change_nothing_are_left_out_but_for_mixed_and_or():
    for text in ("a - b - c", "a / b * c", "-a * b", "a^(-b)", "(-a)^b", "a - (b - c)", "(a && b) || c", "!(a == b)"):
        assert str(parse(text)) == text
        assert str(parse(f"(({text}))")) == text


@pytest.mark.parametrize(
    "text, column, message",
    [
        ("a + foo(b)", 5, "unknown function 'foo'"), ("a * sinn(b)", 5, "did you mean 'sin'"),
        ("pi(2)", 1, "unknown function 'pi'"), ("1 + sin(a, b)", 5, "sin takes 1 argument(s), got 2"),
        ("sin()", 1, "sin takes 1 argument(s), got 0"), ("a*max()", 3, "max takes at least 1 argument(s), got 0"),
        ("rem(a)", 1, "rem takes 2 argument(s), got 1"), ("(a + b", 7, "expected ')', got the end"),
        ("min(a, b", 9, "expected ')', got the end"), ("min(a b)", 7, "expected ')', got 'b'"),
        ("a + b)", 6, "unexpected ')'"), ("", 1, "got the end"), ("   ", 1, "got the end"), ("()", 2, "got ')'"),
        ("a +", 4, "got the end"), ("a + * b", 5, "got '*'"), ("a b", 3, "unexpected 'b'"), ("2a", 2, "unexpected 'a'"),
        ("1..2", 3, "unexpected '.2'"), ("0x10", 2, "unexpected 'x10'"), ("1_0", 2, "unexpected '_0'"),
        ("a$b", 2, "unexpected '$b'"), ("a&b", 2, "unexpected '&b'"), ("a=b", 2, "unexpected '=b'"),
        ("α", 1, "got 'α'"), ("a < b < c", 7, "unexpected '<'"), ("a == b != c", 8, "unexpected '!='"),
        ("min(a,)", 7, "got ')'"), ("sin(", 5, "got the end"), ("&& a", 1, "got '&&'"), ("a ** b", 4, "got '*'"),
        ("a $ b", 3, "unexpected '$ b'"),
        ("a > 1 and b", 7, "unexpected 'and': write &&"), ("(a > 1 OR b)", 8, "got 'OR': write ||"),
        ("a & b", 3, "unexpected '& b': write &&"), ("a =3", 3, "unexpected '=3': write =="),
        ("a => 3", 3, "unexpected '=> 3': write >="),
    ],
)  # fmt: skip
def test_errors_name_the_column(text, column, message):
    with pytest.raises(InputError) as error:
        parse(text, "the law")
    assert str(error.value).startswith(f"the law, column {column}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 200 + "a" + ")" * 200, "-" * 200 + "a", "!" * 200 + "a", "+" * 200 + "a", "^".join("a" * 200),
        "sin(" * 200 + "a" + ")" * 200, "(" * 200, "/".join("a" * 200), "(-" * 200 + "a" + ")" * 200,
        "a^(-" * 200 + "a" + ")" * 200, "(" * (MOST_DEEP + 1) + "a" + ")" * (MOST_DEEP + 1),
        "(" * 100_000, "piecewise(" * 150 + "a, " + "a < b)" * 150,
    ],
)  # fmt: skip
def test_what_is_too_deep_is_refused(text):
    with pytest.raises(InputError, match=f"nested more than {MOST_DEEP} deep"):
        parse(text)


def test_what_is_almost_too_deep_is_read():
    n = MOST_DEEP - 1
    for text in ("(" * n + "a" + ")" * n, "-" * n + "a", "sin(" * n + "a" + ")" * n, "a/" * n + "a", "a^" * n + "a"):
        assert parse(str(parse(text))) == parse(text)
    assert parse(" + ".join("a" * 5000)).evaluate({"a": 2.0}) == 10_000


def test_what_has_too_many_operations_is_refused():
    assert len(list(parse("+".join("a" * (MOST_NODES - 1))).walk())) == MOST_NODES
    for text in ("+".join("a" * MOST_NODES), "+".join(["a*a"] * (MOST_NODES // 2)), "-".join("a" * MOST_NODES)):
        with pytest.raises(InputError, match=f"more than {MOST_NODES} operations"):
            parse(text)
    e = name("a")
    for _ in range(40):  # one tree of 2**41 leaves in 41 nodes
        e = operation("quotient of", (e, e))
    with pytest.raises(InputError, match="split it"):
        checked(e, "it")


def test_sums_and_products_in_first_place_are_taken_in():
    a, b, c = map(name, "abc")
    assert operation("sum", (operation("sum", (a, b)), c)) == Expression("sum", (a, b, c)) == parse("(a + b) + c")
    assert operation("sum", (a, operation("sum", (b, c)))) == parse("a + (b + c)") != parse("a + b + c")
    assert number(-2) == parse("-2") and number(np.nan) == parse("0/0")
    with pytest.raises(InputError, match="unknown function"):
        call("sum", (a,))
