"""General rate laws, event triggers and rate rules: programs over registers, and their interpreter.

A program reads counts and variables: the time, the volume, and the parameters, which events may change. True is 1,
false is 0. An instruction reads up to three registers and writes one; no register is written by two instructions.

A program begins with its fixed part: the instructions that read neither counts nor the time. They are executed once,
and again after `forget_variables`. For a law that reads one species and not the time, a table stores computed values;
results do not depend on the table.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .codes import record_type
from .linked import kernel, within

# Operations. Their order matters: `is_binary` and `_binary_range` compare codes.

COUNT, VARIABLE = 1, 2
ADD, MULTIPLY, DIVIDE, POWER, LESS, LESS_OR_EQUAL, EQUAL, AND, OR = 3, 4, 5, 6, 7, 8, 9, 10, 11
MIN, MAX, QUOTIENT, REMAINDER = 12, 13, 14, 15
SELECT = 16
NEGATIVE_OF, NOT, ABS, EXP, LN, LOG10, SQRT, FLOOR, CEIL, FACTORIAL = 17, 18, 19, 20, 21, 22, 23, 24, 25, 26
SIN, COS, TAN, ARCSIN, ARCCOS, ARCTAN = 27, 28, 29, 30, 31, 32
SINH, COSH, TANH, ARCSINH, ARCCOSH, ARCTANH = 33, 34, 35, 36, 37, 38
EXPREL = 39
"""Operations: those from ADD to REMAINDER have two arguments, those after SELECT one. SELECT has a value, a condition,
and the value if the condition is 0. EXPREL is x / (exp(x) - 1), and 1 at 0."""

# Places in `Laws.variables`.

TIME_VARIABLE = 0
VOLUME_VARIABLE = 1
FIRST_PARAMETER = 2

WINDOW_START = 0
WINDOW_END = 1
WINDOW_WIDTH = 2
WINDOW_CANDIDATES = 3
"""Places in `Laws.window`: start and end of the window over which bounds hold, its target width, and the number of
candidates at its start."""
FIRST_WIDTH = 1e-9
"""Width of the first window [s]. Windows double while they hold few candidates, so 60 windows reach 1e9 s."""

NO_TABLE = 2**32 - 1
"""`PROGRAM.table` of a program without a table."""
EMPTY = np.int64(-(2**63))
"""`ENTRY.count` of an entry that holds no value."""

PROGRAM = record_type(
    start=np.uint32,  # first instruction, of the fixed part
    body=np.uint32,  # first instruction behind the fixed part
    result=np.uint32,  # register of the value
    species=np.uint32,  # the only species that the program reads, if it has a table
    table=np.uint32,  # row of `Laws.table`, or NO_TABLE
)
INSTRUCTION = record_type(
    op=np.uint32,
    target=np.uint32,  # register
    a=np.uint32,  # register; of COUNT a species, of VARIABLE a variable
    b=np.uint32,  # register
    c=np.uint32,  # register
)
ENTRY = record_type(count=np.int64, value=np.float64)

VALUES, RANGES, TABLE = 1, 2, 4
"""Bits of `Laws.ready`: `law_value` has executed the fixed part, `law_range` has, and the table holds for the present
variables."""


class Laws(NamedTuple):
    """Programs, by number. Those of rate laws come first, then those of event triggers, then those of rate rules."""

    programs: np.ndarray  # PROGRAM[program + 1]; of the last, `start` is the end of the instructions
    code: np.ndarray  # INSTRUCTION[instruction]
    reads_time: np.ndarray  # bool[program]: reads the time, or a variable that a rate rule changes
    read_start: np.ndarray  # uint32[program + 1]
    read: np.ndarray  # uint32[...]: the species that each program reads
    terms: np.ndarray  # uint32[law]: term of each rate law
    timed_terms: np.ndarray  # uint32[...]: those that read the time
    timed_channel: np.ndarray  # bool[channel], or empty where no law reads the time
    timed: np.ndarray | None  # empty; None if no law reads the time, so that kernels omit bounds over time
    first_trigger: np.ndarray  # int64[1]
    watch_start: np.ndarray  # uint32[species + 1], or one entry if no trigger reads a species
    watch: np.ndarray  # uint32[...]: triggers, from 0, that read each species
    continuous: Any  # `continuous.ContinuousPath`; None without rate rules, so that kernels omit their code
    # State of one simulation, never shared.
    variables: np.ndarray  # float64[variable]: time, volume, parameters
    window: np.ndarray  # float64[4]
    triggered: np.ndarray  # int8[trigger]: value when last evaluated
    value: np.ndarray  # float64[law]: value of each rate law when last evaluated
    # Computed by one simulation from its variables; see `forget_variables`.
    registers: np.ndarray  # float64[3, register]: values, lower bounds, upper bounds
    ready: np.ndarray  # uint8[program]: VALUES, RANGES and TABLE
    table: np.ndarray  # ENTRY[row, 2**k]: the value at count n, if known, is at n modulo 2**k


def forget_variables(laws):
    """Discard everything computed from the variables. Call this after variables other than the time have changed."""
    laws.ready[:] = 0


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
        # Also between whole numbers, where real-valued methods evaluate it.
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
    if op == EXPREL:
        return 1.0 if a == 0.0 else a / np.expm1(a)
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
        if b == 2.0:  # faster, and never less accurate
            return a * a
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
    # Python's min and max depend on the order of arguments if one is NaN; here NaN prevails.
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
def execute(code, registers, variables, counts, first, end):
    """Execute instructions first, ..., end - 1."""
    # Compiled code passes each array of a tuple as seven or more arguments, so a call with all of `Laws` takes longer
    # than most programs. So this function takes only what it needs, and `law_value` is inlined.
    for k in range(first, end):
        op = code[k].op
        target = code[k].target
        a = code[k].a
        b = code[k].b
        if op == COUNT:
            registers[0, target] = counts[a]
        elif op == VARIABLE:
            registers[0, target] = variables[a]
        elif is_binary(op):
            registers[0, target] = binary(op, registers[0, a], registers[0, b])
        elif op == SELECT:
            registers[0, target] = registers[0, a if registers[0, b] != 0.0 else code[k].c]
        else:
            registers[0, target] = unary(op, registers[0, a])


@within
def law_value(laws, p, counts):
    """Value of program p at `counts` and the present variables; NaN or infinite where the expression is."""
    # The registers of the fixed part retain their values between calls, as no other instruction writes them.
    first = laws.programs[p].body
    if not laws.ready[p] & VALUES:
        first = laws.programs[p].start
        laws.ready[p] |= VALUES
    execute(laws.code, laws.registers, laws.variables, counts, first, laws.programs[p + 1].start)
    return laws.registers[0, laws.programs[p].result]


@kernel
def _empty_table(table):
    for k in range(table.size):
        table[k].count = EMPTY


@within
def law_value_of_counts(laws, p, counts):
    """`law_value` at whole counts, from the table of the program if it has one."""
    # `law_value` is called in one place only, since each call is inlined.
    row = laws.programs[p].table
    n = np.int64(0)
    k = np.int64(0)
    if row != NO_TABLE:
        if not laws.ready[p] & TABLE:
            laws.ready[p] |= TABLE
            _empty_table(laws.table[row])
        n = counts[laws.programs[p].species]
        # The length of a row is a power of two: this is n modulo the length.
        k = n & (laws.table.shape[1] - 1)
        if laws.table[row, k].count == n:
            return laws.table[row, k].value
    value = law_value(laws, p, counts)
    if row != NO_TABLE:
        laws.table[row, k].count = n
        laws.table[row, k].value = value
    return value


@within
def _reads_time_alone(laws, continuous, k):
    """Whether trigger k reads the time and no variable that a rate rule changes."""
    if continuous is not None:
        if continuous.is_condition[k]:
            return False
    return laws.reads_time[laws.first_trigger[0] + k]


@kernel
def trigger_changed(laws, s, counts):
    """Whether a condition that reads species s has changed, or reads the time as well.

    No condition reads the pools and the constant 1, which stand behind the species.
    """
    if s + 1 >= laws.watch_start.size:
        return False
    for j in range(laws.watch_start[s], laws.watch_start[s + 1]):
        k = laws.watch[j]
        p = laws.first_trigger[0] + k
        if _reads_time_alone(laws, laws.continuous, k) or (law_value(laws, p, counts) != 0.0) != (
            laws.triggered[k] != 0
        ):
            return True
    return False
