"""Random expressions by the public constructors, and their compiled programs, for the tests of formulas and laws."""

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from gillespie_nn.crn.compiled import law_programs
from gillespie_nn.crn.expressions import FUNCTIONS, RELATIONS, call, name, number, operation
from gillespie_nn.kernels.laws import WINDOW_END, WINDOW_START, Laws, law_value

SPECIES = {"A": 0, "B": 1, "C": 2}
VARIABLES = {"time": 0, "volume": 1, "k": 2}
OPERATIONS = ("sum", "product", "and", "or", "quotient of", "power", "negative", "not", *RELATIONS)
EXACT = {"sum", "product", "and", "or", "quotient of", "negative", "not", *RELATIONS, "abs", "sqrt", "floor", "ceil",
         "min", "max", "quotient", "rem", "piecewise"}  # fmt: skip
"""What IEEE 754 rounds correctly, or what is not rounded: the same on every machine."""
NOT_ROUGH = sorted({*OPERATIONS, *FUNCTIONS} - {"rem", "quotient"})


def examples(n):
    return settings(
        max_examples=n,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )


def numbers():
    return st.one_of(st.integers(-9, 9), st.floats(-10, 10), st.sampled_from([0.5, 1e-3, 1e3, 0.0, -0.0]))


def leaves(values=None):
    return st.one_of(
        st.sampled_from([*SPECIES, *VARIABLES]).map(name), (numbers() if values is None else values).map(number)
    )


def node(op, args):
    return operation(op, args) if op in OPERATIONS else call(op, args)


def n_arguments(op):
    """Least and most arguments given to it here."""
    if op in FUNCTIONS:
        return (FUNCTIONS[op],) * 2 if FUNCTIONS[op] else (1, 5 if op == "piecewise" else 3)
    return (1, 1) if op in ("negative", "not") else (2, 3 if op in ("sum", "product", "and", "or") else 2)


def expressions(ops=(*OPERATIONS, *FUNCTIONS), most=8, values=None):
    """Trees over the operations and functions `ops`, with up to about `most` leaves."""

    def inner(trees):
        return st.sampled_from(sorted(ops)).flatmap(
            lambda op: st.lists(trees, min_size=n_arguments(op)[0], max_size=n_arguments(op)[1]).map(
                lambda args: node(op, tuple(args))
            )
        )

    return st.recursive(leaves(values), inner, max_leaves=most)


def laws_of(*expressions, time=0.0, volume=2.0, k=0.75, window=(0.0, 0.0)):
    """The programs of expressions over `SPECIES` and `VARIABLES`."""
    compiled = [law_programs.program(e, SPECIES, VARIABLES) for e in expressions]
    laws = Laws(
        variables=np.array([time, volume, k]),
        terms=np.arange(len(compiled), dtype=np.uint32),
        timed_terms=np.empty(0, dtype=np.uint32),
        timed_channel=np.empty(0, dtype=np.bool_),
        **law_programs.arrays(compiled, [], len(SPECIES)),
    )
    laws.window[[WINDOW_START, WINDOW_END]] = window
    return laws


def value_of(e, counts, time):
    """Value of an expression by the interpreter."""
    return law_value(laws_of(e, time=time), 0, np.array(counts))
