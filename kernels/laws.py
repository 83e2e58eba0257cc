"""General rate laws and event triggers: programs in postfix form, and the interpreter that gives their values.

A program reads counts, and variables: the time, the volume, and the parameters, which events may change. Truth is 1,
falsehood 0.
"""

import math
from typing import NamedTuple

import numpy as np

from .linked import kernel

CONSTANT, COUNT, VARIABLE = 0, 1, 2
ADD, MULTIPLY, DIVIDE, POWER, LESS, LESS_OR_EQUAL, EQUAL, AND, OR = 3, 4, 5, 6, 7, 8, 9, 10, 11
MIN, MAX, QUOTIENT, REMAINDER = 12, 13, 14, 15
SELECT = 16
NEGATIVE_OF, NOT, ABS, EXP, LN, LOG10, SQRT, FLOOR, CEIL, FACTORIAL = 17, 18, 19, 20, 21, 22, 23, 24, 25, 26
SIN, COS, TAN, ARCSIN, ARCCOS, ARCTAN = 27, 28, 29, 30, 31, 32
SINH, COSH, TANH, ARCSINH, ARCCOSH, ARCTANH = 33, 34, 35, 36, 37, 38
"""Operations: of two arguments from ADD to REMAINDER, of one behind SELECT."""

TIME_VARIABLE = 0
VOLUME_VARIABLE = 1
FIRST_PARAMETER = 2

WINDOW_START = 0
WINDOW_END = 1
WINDOW_WIDTH = 2
WINDOW_CANDIDATES = 3
"""Places in `Laws.window`: bounds hold from start to end; the width aimed at; candidates drawn when it began."""
FIRST_WIDTH = 1e-9


class Laws(NamedTuple):
    """Programs, by number. Those of rate laws come first, then those of event triggers."""

    start: np.ndarray  # uint32[program + 1]
    op: np.ndarray  # uint8[instruction]
    index: np.ndarray  # uint32[instruction], of COUNT a species, of VARIABLE a variable
    constant: np.ndarray  # float64[instruction]
    reads_time: np.ndarray  # bool[program]
    read_start: np.ndarray  # uint32[program + 1]
    read: np.ndarray  # uint32[...]: the species that each program reads
    terms: np.ndarray  # uint32[law]: term of each rate law
    timed_terms: np.ndarray  # uint32[...]: those that read the time
    timed_channel: np.ndarray  # bool[channel], or empty where no law reads the time
    first_trigger: np.ndarray  # int64[1]
    watch_start: np.ndarray  # uint32[species + 1], or one entry where nothing is watched
    watch: np.ndarray  # uint32[...]: triggers, from 0, that read each species
    # Of one simulation; each takes copies.
    variables: np.ndarray  # float64[variable]: time, volume, parameters
    window: np.ndarray  # float64[4]
    triggered: np.ndarray  # int8[trigger]: value when last looked at
    stack: np.ndarray  # float64[2, depth], scratch
    value: np.ndarray  # float64[law]: the value of each rate law when last looked at


@kernel
def unary(op, a):
    """Value of an operation or function of one argument."""
    if op == NEGATIVE_OF:
        return -a
    if op == NOT:
        return 1.0 if a == 0.0 else 0.0
    if op == ABS:
        return np.abs(a)
    if op == EXP:
        return np.exp(a)
    if op == LN:
        return np.log(a)
    if op == LOG10:
        return np.log10(a)
    if op == SQRT:
        return np.sqrt(a)
    if op == FLOOR:
        return np.floor(a)
    if op == CEIL:
        return np.ceil(a)
    if op == FACTORIAL:
        return math.gamma(a + 1.0) if a >= 0.0 else np.nan
    if op == SIN:
        return np.sin(a)
    if op == COS:
        return np.cos(a)
    if op == TAN:
        return np.tan(a)
    if op == ARCSIN:
        return np.arcsin(a)
    if op == ARCCOS:
        return np.arccos(a)
    if op == ARCTAN:
        return np.arctan(a)
    if op == SINH:
        return np.sinh(a)
    if op == COSH:
        return np.cosh(a)
    if op == TANH:
        return np.tanh(a)
    if op == ARCSINH:
        return np.arcsinh(a)
    if op == ARCCOSH:
        return np.arccosh(a)
    return np.arctanh(a)


@kernel
def binary(op, a, b):
    """Value of an operation or function of two arguments."""
    if op == ADD:
        return a + b
    if op == MULTIPLY:
        return a * b
    if op == DIVIDE:
        return a / b
    if op == POWER:
        return a**b
    if op == LESS:
        return 1.0 if a < b else 0.0
    if op == LESS_OR_EQUAL:
        return 1.0 if a <= b else 0.0
    if op == EQUAL:
        return 1.0 if a == b else 0.0
    if op == AND:
        return 1.0 if a != 0.0 and b != 0.0 else 0.0
    if op == OR:
        return 1.0 if a != 0.0 or b != 0.0 else 0.0
    if op == MIN:
        return min(a, b) if a == a and b == b else np.nan
    if op == MAX:
        return max(a, b) if a == a and b == b else np.nan
    if op == QUOTIENT:
        return np.trunc(a / b)
    return a - b * np.trunc(a / b)


@kernel
def is_binary(op):
    return ADD <= op <= REMAINDER


@kernel
def law_value(laws, p, counts):
    """Value of program p at `counts` and the variables; NaN or infinite where the expression is."""
    # What instructions leave on the stack is what the next ones take from it; one value is left in the end.
    stack = laws.stack
    top = -1
    for k in range(laws.start[p], laws.start[p + 1]):
        op = laws.op[k]
        if op == CONSTANT:
            top += 1
            stack[0, top] = laws.constant[k]
        elif op == COUNT:
            top += 1
            stack[0, top] = counts[laws.index[k]]
        elif op == VARIABLE:
            top += 1
            stack[0, top] = laws.variables[laws.index[k]]
        elif is_binary(op):
            top -= 1
            stack[0, top] = binary(op, stack[0, top], stack[0, top + 1])
        elif op == SELECT:  # value, condition, otherwise
            top -= 2
            if stack[0, top + 1] == 0.0:
                stack[0, top] = stack[0, top + 2]
        else:
            stack[0, top] = unary(op, stack[0, top])
    return stack[0, 0]


@kernel
def trigger_changed(laws, s, counts):
    """Whether the condition of an event that reads species s is not what it was, or reads the time as well.

    Pools and the constant 1 stand behind the species, and are read by no condition.
    """
    if s + 1 >= laws.watch_start.size:
        return False
    for j in range(laws.watch_start[s], laws.watch_start[s + 1]):
        k = laws.watch[j]
        p = laws.first_trigger[0] + k
        if laws.reads_time[p] or (law_value(laws, p, counts) != 0.0) != (laws.triggered[k] != 0):
            return True
    return False
