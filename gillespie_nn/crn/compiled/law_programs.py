"""From expressions to the register programs that kernels interpret.

Coefficients of RODAS, for `kernels.continuous`.

E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, 2nd edition, Springer 1996, section IV.7.
"""

from collections.abc import Iterable, Mapping, Sequence, Sized
from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...kernels import laws as codes
from ...kernels.continuous import ABSOLUTE, CROSSING, N_NUMBERS, N_ROWS, RELATIVE, STALE, ContinuousPath
from ..expressions import Expression
from .derivative import EXPREL, without_gaps

STAGE_STATES = np.zeros((6, 5))
"""Where stages are taken, in terms of those before."""
STAGE_STATES[1, :1] = 1.544
STAGE_STATES[2, :2] = 0.9466785280815826, 0.2557011698983284
STAGE_STATES[3, :3] = 3.314825187068521, 2.896124015972201, 0.9986419139977817
STAGE_STATES[4, :4] = 1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950

STAGE_COUPLING = np.zeros((6, 5))
"""How stages enter those behind them, times the length of the step."""
STAGE_COUPLING[1, :1] = -5.6688
STAGE_COUPLING[2, :2] = -2.430093356833875, -0.2063599157091915
STAGE_COUPLING[3, :3] = -0.1073529058151375, -9.594562251023355, -20.47028614809616
STAGE_COUPLING[4, :4] = 7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160
STAGE_COUPLING[5, :5] = 8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054

STAGE_TIMES = np.array([[0.0, 0.386, 0.21, 0.63, 1.0, 1.0], [0.25, -0.1043, 0.1035, -0.0362, 0.0, 0.0]])
"""When stages are taken, in parts of the step, and how the derivative by the time enters each."""

DENSE_OUTPUT = np.array(
    [
        [10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662],
        [-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386, -6.594389125716872],
    ]
)
"""Stages in the polynomial between the ends of a step."""


# Compile expressions to the register programs that kernels interpret, see `kernels.laws`.
#
# An operation that occurs twice in an expression is executed once. Operations are executed as they are written, and in
# no other order, so values have no other rounding than those of the expression.

if TYPE_CHECKING:
    from ..network import ReactionNetwork

Instruction = tuple[int, int, int, int]
"""(op, a, b, c), see `kernels.laws.INSTRUCTION`. Registers are counted from the first of the program."""

_MOST_ENTRIES = 1024
"""Entries of a table: counts mostly stay within such a range for long, and 16 KiB fit into the cache of a processor."""
_MOST_IN_ALL = 1 << 17
"""Entries of all tables together, 2 MiB. A network with more laws than that has smaller tables."""
_LEAST_ENTRIES = 16
_RELATIVE, _ABSOLUTE = 1e-8, 1e-10
"""Tolerances of each step of the variables that rate rules change; the second is a part of `ContinuousPath.scale`."""
_LEAST_SCALE = 1e-5
"""Of a variable that begins at 0, whose scale is not known yet: less, and where its rate is a small difference of large
terms, their rounding alone would make steps too short."""

_NARY = {"sum": codes.ADD, "product": codes.MULTIPLY, "and": codes.AND, "or": codes.OR, "min": codes.MIN,
         "max": codes.MAX}  # fmt: skip
_PLAIN = {
    "quotient of": codes.DIVIDE, "power": codes.POWER, "negative": codes.NEGATIVE_OF, "<": codes.LESS,
    "<=": codes.LESS_OR_EQUAL, "==": codes.EQUAL, "not": codes.NOT, "quotient": codes.QUOTIENT,
    "rem": codes.REMAINDER, "abs": codes.ABS, "exp": codes.EXP, "ln": codes.LN, "log10": codes.LOG10,
    "sqrt": codes.SQRT, "floor": codes.FLOOR, "ceil": codes.CEIL, "factorial": codes.FACTORIAL, "sin": codes.SIN,
    "cos": codes.COS, "tan": codes.TAN, "arcsin": codes.ARCSIN, "arccos": codes.ARCCOS, "arctan": codes.ARCTAN,
    "sinh": codes.SINH, "cosh": codes.COSH, "tanh": codes.TANH, "arcsinh": codes.ARCSINH,
    "arccosh": codes.ARCCOSH, "arctanh": codes.ARCTANH, EXPREL: codes.EXPREL,
}  # fmt: skip
_SWAPPED = {">": codes.LESS, ">=": codes.LESS_OR_EQUAL}


class LawProgram(NamedTuple):
    """One expression. Register k holds constant k, and behind the constants, what instruction k computes."""

    constants: tuple[float, ...]
    instructions: tuple[Instruction, ...]
    n_fixed: int
    """Instructions at the beginning that read neither counts nor the time."""
    result: int
    """The register of the value."""
    species: tuple[int, ...]
    """The species that it reads."""
    reads_time: bool
    """Whether it reads the time, or a variable that a rate rule changes."""
    variables: tuple[int, ...]
    """Places of the variables that it reads."""

    @property
    def has_table(self) -> bool:
        """Whether its value depends on one count alone."""
        return len(self.species) == 1 and not self.reads_time


def program(
    expression: Expression,
    species: Mapping[str, int],
    variables: Mapping[str, int],
    moving: frozenset[int] = frozenset((codes.TIME_VARIABLE,)),
) -> LawProgram:
    """Compile; `species` and `variables` give the place of each name, and `moving` the places of variables that change
    between reactions."""
    values = _Values(species, variables, moving)
    return values.program(values.of(expression))


class _Values:
    """The distinct values that an expression computes, numbered in the order of their computation."""

    def __init__(self, species: Mapping[str, int], variables: Mapping[str, int], moving: frozenset[int]) -> None:
        self._species, self._variables, self._moving = species, variables, moving
        self._number: dict[tuple, int] = {}
        self._instructions: list[Instruction | None] = []  # None for a constant
        self._constants: list[float] = []  # 0 for what is no constant
        self._is_fixed: list[bool] = []

    def of(self, node: Expression) -> int:
        """The number of the value of an expression."""
        op, args = node.op, node.args
        if op == "number":
            return self._constant(node.value)
        if op == "name":
            place = self._variables.get(node.value)
            if place is None:
                return self._add((codes.COUNT, self._species[node.value], 0, 0), False)
            return self._add((codes.VARIABLE, place, 0, 0), place not in self._moving)
        parts = [self.of(a) for a in args]
        if op == "piecewise":  # value, condition, value, condition, ..., otherwise
            result = parts[-1] if len(parts) % 2 else self._constant(float("nan"))
            for k in range(len(parts) - len(parts) % 2 - 2, -1, -2):
                result = self._operation(codes.SELECT, parts[k], parts[k + 1], result)
            return result
        if op in _NARY:
            return reduce(lambda a, b: self._operation(_NARY[op], a, b), parts)
        if op in _SWAPPED:
            return self._operation(_SWAPPED[op], *reversed(parts))
        if op == "!=":
            return self._operation(codes.NOT, self._operation(codes.EQUAL, *parts))
        return self._operation(_PLAIN[op], *parts)

    def _constant(self, value: float) -> int:
        return self._add(None, True, value)

    def _operation(self, op: int, *values: int) -> int:
        a, b, c = (*values, values[0], values[0])[:3]
        return self._add((op, a, b, c), all(self._is_fixed[v] for v in values))

    def _add(self, instruction: Instruction | None, is_fixed: bool, constant: float = 0.0) -> int:
        key = instruction or (float(constant).hex(),)  # 0 and -0 are two constants, NaN and NaN are one
        if key not in self._number:
            self._number[key] = len(self._instructions)
            self._instructions.append(instruction)
            self._constants.append(constant)
            self._is_fixed.append(is_fixed)
        return self._number[key]

    def program(self, result: int) -> LawProgram:
        """The program that computes them all, and whose value is `result`: constants, the fixed part, the body."""
        groups: list[list[int]] = [[], [], []]
        for value, instruction in enumerate(self._instructions):
            groups[0 if instruction is None else 1 if self._is_fixed[value] else 2].append(value)
        register = {value: k for k, value in enumerate(chain.from_iterable(groups))}
        instructions: list[Instruction] = []
        for op, a, b, c in filter(None, (self._instructions[v] for v in groups[1] + groups[2])):
            reads = op in (codes.COUNT, codes.VARIABLE)
            instructions.append((op, a, b, c) if reads else (op, register[a], register[b], register[c]))
        return LawProgram(
            tuple(self._constants[v] for v in groups[0]),
            tuple(instructions),
            len(groups[1]),
            register[result],
            tuple(sorted({a for op, a, _, _ in instructions if op == codes.COUNT})),
            any(op == codes.VARIABLE and a in self._moving for op, a, _, _ in instructions),
            tuple(sorted({a for op, a, _, _ in instructions if op == codes.VARIABLE})),
        )


class NetworkPrograms:
    """Programs of the general rate laws, of the event triggers and of the rate rules of a network, and the variables
    that they read: time, volume, parameters, and species with a rate rule."""

    def __init__(self, network: "ReactionNetwork"):
        names = [*network.parameters, *(s for s in network.species if s in network.rate_rules)]
        place = {"time": codes.TIME_VARIABLE, "volume": codes.VOLUME_VARIABLE}
        self.variables = place | {name: codes.FIRST_PARAMETER + k for k, name in enumerate(names)}
        start = {**network.initial, **network.parameters}
        self.parameters = [start[name] for name in names]
        self.moved = [self.variables[name] for name in network.rate_rules]
        """Places of the variables that rate rules change."""
        moving = frozenset((codes.TIME_VARIABLE, *self.moved))
        self.of_reaction: dict[int, int] = {}
        self.laws: list[LawProgram] = []
        for r, reaction in enumerate(network.reactions):
            if reaction.law is not None:
                self.of_reaction[r] = len(self.laws)
                law = network.resolved(reaction.law)
                law = without_gaps(law) if self.moved else law
                self.laws.append(program(law, network.index, self.variables, moving))
        self.triggers = [
            program(event.trigger, network.index, self.variables, moving) for event in network.resolved_events
        ]
        self.rate_rules = [
            program(without_gaps(network.resolved(rate)), network.index, self.variables, moving)
            for rate in network.rate_rules.values()
        ]


def arrays(
    laws: list[LawProgram], triggers: list[LawProgram], state_size: int, rate_rules: Sequence[LawProgram] = ()
) -> dict[str, Any]:
    """The fields of `kernels.laws.Laws` that depend on the programs alone."""
    all_programs = [*laws, *triggers, *rate_rules]
    watch: list[list[int]] = [[] for _ in range(state_size if triggers else 0)]
    for k, trigger in enumerate(triggers):
        for s in trigger.species:
            watch[s].append(k)
    programs, code, registers = _linked(all_programs)
    tabled = [k for k, law in enumerate(laws) if law.has_table]
    size = _table_size(len(tabled))
    if size:
        programs["table"][tabled] = np.arange(len(tabled))
        programs["species"][tabled] = [laws[k].species[0] for k in tabled]
    return {
        "programs": programs,
        "continuous": None,
        "code": code,
        "reads_time": np.array([p.reads_time for p in all_programs], dtype=np.bool_),
        "timed": np.empty(0) if rate_rules or any(law.reads_time for law in laws) else None,
        "read_start": starts([p.species for p in all_programs]),
        "read": np.array(list(chain.from_iterable(p.species for p in all_programs)), dtype=np.uint32),
        "first_trigger": np.array([len(laws)]),
        "watch_start": starts(watch),
        "watch": np.array(list(chain.from_iterable(watch)), dtype=np.uint32),
        "window": np.array([0.0, np.inf, codes.FIRST_WIDTH, 0.0]),
        "triggered": np.zeros(len(triggers), dtype=np.int8),
        "value": np.zeros(len(laws)),
        "registers": registers,
        "ready": np.zeros(len(all_programs), dtype=np.uint8),
        "table": np.zeros((len(tabled) if size else 0, max(size, 1)), dtype=codes.ENTRY),
    }


def continuous(network: NetworkPrograms, conditions: list[int], restarts: np.ndarray) -> ContinuousPath:
    """The `kernels.continuous.ContinuousPath` of a network.

    `conditions` are the triggers that read a variable of a rate rule; `restarts` bool[channel] says whether the firing
    of a channel ends the path.
    """
    from scipy.integrate import RK45

    n = len(network.moved)
    start = dict(zip(network.variables.values(), [0.0, 0.0, *network.parameters]))
    number = np.full(max(network.variables.values()) + 1, -1, dtype=np.int64)
    number[network.moved] = np.arange(n)
    a = np.zeros((7, 7))
    a[:6, :5], a[6, :6] = RK45.A, RK45.B
    numbers = np.zeros(N_NUMBERS)
    numbers[STALE], numbers[CROSSING] = 1.0, np.inf
    numbers[RELATIVE], numbers[ABSOLUTE] = _RELATIVE, _ABSOLUTE
    is_condition = np.zeros(len(network.triggers), dtype=np.bool_)
    is_condition[conditions] = True
    return ContinuousPath(
        place=np.array(network.moved, dtype=np.uint32),
        number=number,
        first_program=np.array([len(network.laws) + len(network.triggers)]),
        restarts=restarts,
        conditions=np.array(conditions, dtype=np.uint32),
        is_condition=is_condition,
        a=a,
        c=np.append(RK45.C, 1.0),
        error=RK45.E.copy(),
        interpolation=RK45.P.copy(),
        stiff_a=STAGE_STATES,
        stiff_c=STAGE_COUPLING,
        stiff_d=DENSE_OUTPUT,
        stiff_times=STAGE_TIMES,
        matrix=np.zeros((n, n)),
        pivot=np.zeros(n, dtype=np.int64),
        last=np.zeros(n),
        slopes=np.zeros((N_ROWS, n)),
        start=np.zeros(n),
        scale=np.where(np.array([start[j] for j in network.moved]) == 0.0, _LEAST_SCALE, 0.0),
        path=np.zeros((5, n)),
        numbers=numbers,
        rows=np.empty((0, n)),
    )


def _linked(all_programs: list[LawProgram]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`Laws.programs` without tables, `Laws.code` and `Laws.registers`: programs share no registers."""
    programs = np.zeros(len(all_programs) + 1, dtype=codes.PROGRAM)
    programs["table"] = codes.NO_TABLE
    programs["start"] = starts([p.instructions for p in all_programs])
    code: list[tuple[int, ...]] = []
    values: list[float] = []
    for k, p in enumerate(all_programs):
        first, target = len(values), len(values) + len(p.constants)
        programs["body"][k] = len(code) + p.n_fixed
        programs["result"][k] = first + p.result
        for op, *places in p.instructions:
            shift = 0 if op in (codes.COUNT, codes.VARIABLE) else first
            code.append((op, target, *(place + shift for place in places)))
            target += 1
        values += [*p.constants, *(0.0 for _ in p.instructions)]
    instructions = np.zeros(len(code), dtype=codes.INSTRUCTION)
    for name, column in zip(codes.INSTRUCTION.names, np.array(code, dtype=np.uint32).reshape(-1, 5).T):
        instructions[name] = column
    return programs, instructions, np.array([values] * 3)


def _table_size(n: int) -> int:
    """Entries of each of n tables, a power of 2; 0 if tables would be too many."""
    size = _MOST_ENTRIES
    while size * n > _MOST_IN_ALL:
        size //= 2
    return size if n and size >= _LEAST_ENTRIES else 0


def starts(groups: Iterable[Sized]) -> np.ndarray:
    """Starts of consecutive groups, and the end of the last, uint32[group + 1]."""
    return np.concatenate([[0], np.cumsum([len(g) for g in groups])]).astype(np.uint32)
