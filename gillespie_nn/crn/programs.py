"""From expressions to the postfix programs that kernels interpret."""

from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..kernels import laws as codes
from .expressions import Expression

if TYPE_CHECKING:
    from .network import ReactionNetwork

Instruction = tuple[int, int, float]
"""(op, index, constant)."""

_NARY = {"sum": codes.ADD, "product": codes.MULTIPLY, "and": codes.AND, "or": codes.OR, "min": codes.MIN,
         "max": codes.MAX}  # fmt: skip
_PLAIN = {
    "quotient of": codes.DIVIDE, "power": codes.POWER, "negative": codes.NEGATIVE_OF, "<": codes.LESS,
    "<=": codes.LESS_OR_EQUAL, "==": codes.EQUAL, "not": codes.NOT, "quotient": codes.QUOTIENT,
    "rem": codes.REMAINDER, "abs": codes.ABS, "exp": codes.EXP, "ln": codes.LN, "log10": codes.LOG10,
    "sqrt": codes.SQRT, "floor": codes.FLOOR, "ceil": codes.CEIL, "factorial": codes.FACTORIAL, "sin": codes.SIN,
    "cos": codes.COS, "tan": codes.TAN, "arcsin": codes.ARCSIN, "arccos": codes.ARCCOS, "arctan": codes.ARCTAN,
    "sinh": codes.SINH, "cosh": codes.COSH, "tanh": codes.TANH, "arcsinh": codes.ARCSINH,
    "arccosh": codes.ARCCOSH, "arctanh": codes.ARCTANH,
}  # fmt: skip
_SWAPPED = {">": codes.LESS, ">=": codes.LESS_OR_EQUAL}


class Program(NamedTuple):
    """One expression: instructions (op, index, constant), the deepest stack, and the species it reads."""

    instructions: tuple[Instruction, ...]
    depth: int
    species: tuple[int, ...]
    reads_time: bool


def program(expression: Expression, species: Mapping[str, int], variables: Mapping[str, int]) -> Program:
    """Compile; `species` and `variables` give the place of each name."""
    found: list[Instruction] = []
    _emit(expression, species, variables, found)
    counts = sorted({i for op, i, _ in found if op == codes.COUNT})
    reads_time = any(op == codes.VARIABLE and i == codes.TIME_VARIABLE for op, i, _ in found)
    return Program(tuple(found), _depth(found), tuple(counts), reads_time)


def _emit(node: Expression, species: Mapping[str, int], variables: Mapping[str, int], found: list[Instruction]) -> None:
    op, args = node.op, node.args
    if op == "number":
        found.append((codes.CONSTANT, 0, node.value))
    elif op == "name":
        if node.value in species:
            found.append((codes.COUNT, species[node.value], 0.0))
        else:
            found.append((codes.VARIABLE, variables[node.value], 0.0))
    elif op == "piecewise":
        _emit_piecewise(args, species, variables, found)
    elif op in _NARY:
        _emit(args[0], species, variables, found)
        for a in args[1:]:
            _emit(a, species, variables, found)
            found.append((_NARY[op], 0, 0.0))
    else:
        for a in reversed(args) if op in _SWAPPED else args:
            _emit(a, species, variables, found)
        if op == "!=":
            found += [(codes.EQUAL, 0, 0.0), (codes.NOT, 0, 0.0)]
        else:
            found.append((_SWAPPED.get(op) or _PLAIN[op], 0, 0.0))


def _emit_piecewise(
    args: tuple[Expression, ...],
    species: Mapping[str, int],
    variables: Mapping[str, int],
    found: list[Instruction],
) -> None:
    """value, condition, value, condition, ..., otherwise: the conditions in turn."""
    n = len(args) // 2
    for a in args[: 2 * n]:
        _emit(a, species, variables, found)
    if len(args) % 2:
        _emit(args[-1], species, variables, found)
    else:
        found.append((codes.CONSTANT, 0, float("nan")))
    found += [(codes.SELECT, 0, 0.0)] * n


# In plain Python, which it is already where numba is told not to compile (NUMBA_DISABLE_JIT).
_is_binary = getattr(codes.is_binary, "py_func", codes.is_binary)


def _depth(instructions: Sequence[Instruction]) -> int:
    most = now = 0
    for op, _, _ in instructions:
        if op in (codes.CONSTANT, codes.COUNT, codes.VARIABLE):
            now += 1
        elif op == codes.SELECT:
            now -= 2
        elif _is_binary(op):
            now -= 1
        most = max(most, now)
    return most


class NetworkPrograms:
    """Programs of the general rate laws and of the event triggers of a network, and the parameters they read."""

    def __init__(self, network: "ReactionNetwork"):
        names = list(network.parameters)
        place = {"time": codes.TIME_VARIABLE, "volume": codes.VOLUME_VARIABLE}
        self.variables = place | {name: codes.FIRST_PARAMETER + k for k, name in enumerate(names)}
        self.parameters = [network.parameters[name] for name in names]
        self.of_reaction: dict[int, int] = {}
        self.laws: list[Program] = []
        for r, reaction in enumerate(network.reactions):
            if reaction.law is not None:
                self.of_reaction[r] = len(self.laws)
                self.laws.append(program(network.resolved(reaction.law), network.index, self.variables))
        self.triggers = [program(event.trigger, network.index, self.variables) for event in network.resolved_events]


def arrays(laws: list[Program], triggers: list[Program], state_size: int) -> dict[str, Any]:
    """The fields of `kernels.laws.Laws` that depend on the programs alone."""
    programs = [*laws, *triggers]
    code = list(chain.from_iterable(p.instructions for p in programs))
    watch: list[list[int]] = [[] for _ in range(state_size if triggers else 0)]
    for k, trigger in enumerate(triggers):
        for s in trigger.species:
            watch[s].append(k)
    return {
        "start": starts([p.instructions for p in programs]),
        "op": np.array([c[0] for c in code], dtype=np.uint8),
        "index": np.array([c[1] for c in code], dtype=np.uint32),
        "constant": np.array([c[2] for c in code], dtype=np.float64),
        "reads_time": np.array([p.reads_time for p in programs], dtype=np.bool_),
        "read_start": starts([p.species for p in programs]),
        "read": np.array(list(chain.from_iterable(p.species for p in programs)), dtype=np.uint32),
        "first_trigger": np.array([len(laws)]),
        "watch_start": starts(watch),
        "watch": np.array(list(chain.from_iterable(watch)), dtype=np.uint32),
        "window": np.array([0.0, np.inf, codes.FIRST_WIDTH, 0.0]),
        "triggered": np.zeros(len(triggers), dtype=np.int8),
        "stack": np.zeros((2, max([1, *(p.depth for p in programs)]))),
        "value": np.zeros(len(laws)),
    }


def starts(groups: Iterable[Sized]) -> np.ndarray:
    """Starts of consecutive groups, and the end of the last, uint32[group + 1]."""
    return np.concatenate([[0], np.cumsum([len(g) for g in groups])]).astype(np.uint32)
