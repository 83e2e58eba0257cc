"""Events and first-passage times against the master equation with the rule built in: whole distributions.

The network is immigration and death. Conditions read counts, the time, or both. There are delays, with values from
either end of the delay; events that are dropped; priorities that depend on the count, with ties; and stopping at a
level. Passage times are those that `analysis.watch` records, with the count at the end, and those that
`analysis.first_passage` gives at recorded points.

Counts from `_SIZE` on are cut off. Their probability is stated with each p-value and is one more cell of the test.
Where the process under a rule is Markov, laws are matrix exponentials, at two times jointly. A delay makes it remember
the past. Its law is then an integral over the time at which the condition became true (by quadrature), or the solution
of a renewal equation if the event is dropped when its condition becomes false (by the trapezoid rule, extrapolated).
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import scipy

from ..analysis.passage import first_passage, watch
from ..crn import ReactionNetwork
from ..simulation import Result
from ..statistics.tests import chi_square
from .check import Check, CheckOptions, Outcome, method_class, run_of
from .exact_laws import cells_of, generator

_SIZE = 70
_NODES = 24
"""Nodes of a Gauss-Legendre rule; the integrands are analytic on each side of the delay."""
_PARTS = 240
"""Steps in a delay, in the renewal equation."""
BIRTH, DEATH = 6.0, 0.8
MODEL = f"0 -> A @ {BIRTH:g}\nA -> 0 @ {DEATH:g}\n"
N = np.arange(_SIZE)


@cache
def free() -> np.ndarray:
    """Rates without rules, float64[to, from] [1/s]."""
    return generator(ReactionNetwork.from_text(MODEL), [(int(k),) for k in N], 1.0)


def at(count: int) -> np.ndarray:
    """The law of a known count, float64[count]."""
    return np.where(count == N, 1.0, 0.0)


def evolve(seconds: float, rates: np.ndarray | None = None) -> np.ndarray:
    """Probabilities float64[to, from] after `seconds` [s], by default without rules."""
    return scipy.linalg.expm((free() if rates is None else rates) * seconds)


def assignment(value: Callable[[int], int]) -> np.ndarray:
    """The map that sets the count to `value(count)`, float64[to, from]. Probability beyond the last count is lost."""
    matrix = np.zeros((_SIZE, _SIZE))
    for k in N.tolist():
        if value(k) < _SIZE:
            matrix[value(k), k] = 1.0
    return matrix


def redirected(value: Callable[[int, int], int]) -> np.ndarray:
    """Rates float64[to, from] [1/s] where a jump from `before` to `after` ends at `value(before, after)` instead."""
    rates = np.zeros((_SIZE, _SIZE))
    for before in N.tolist():
        for after in {max(before - 1, 0), min(before + 1, _SIZE - 1)} - {before}:
            rates[value(before, after), before] += free()[after, before]
        rates[before, before] += free()[before, before]
    return rates


def absorbed(level: int) -> np.ndarray:
    """Rates where the count stays constant once it has reached `level`."""
    return np.where(level > N, free(), 0.0)


def joint(first: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Joint law float64[first, second], from the law at a first time and the probabilities `step` to a second time."""
    return (step * first).T


def delayed(
    start: np.ndarray, waiting: np.ndarray, trigger: np.ndarray, change: np.ndarray, delay: float, t: float, late: bool
) -> np.ndarray:
    """The law at `t` [s] where an event happens once, `delay` [s] after its condition became true.

    `waiting` are the rates while the condition is false. `trigger` are the rates at which it becomes true, from the
    state before to the state after. `change` is the assignment; it is evaluated after the delay if `late`, else before.
    """
    from scipy.sparse.linalg import expm_multiply

    never, freely = scipy.sparse.csr_array(waiting), scipy.sparse.csr_array(free())

    def after(state: np.ndarray, left: float) -> np.ndarray:
        """The law `left` [s] after the condition became true."""
        if left < delay:
            return expm_multiply(freely * left, state)
        state = change @ (expm_multiply(freely * delay, state) if late else state)
        return expm_multiply(freely * (left - delay), state)

    law = expm_multiply(never * t, start)
    # The integrand has a kink where the delay ends at t, so each side of it has a separate rule.
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    for low, high in ((0.0, max(0.0, t - delay)), (max(0.0, t - delay), t)):
        for s, w in zip(low + (high - low) * (node + 1) / 2, weight * (high - low) / 2):
            law = law + w * after(trigger @ expm_multiply(never * s, start), t - s)
    return law


def dropped(start: int, level: int, to: int, delay: float, t: float) -> np.ndarray:
    """The law at `t` [s], a multiple of the delay, where the count is set to `to` once it has been at `level` or more
    for all of `delay` [s]. The event is dropped if the count falls below `level` before that."""
    coarse, fine = (_renewal(start, level, to, delay, t, parts) for parts in (_PARTS // 2, _PARTS))
    # Richardson extrapolation: the rule is of second order, so halving the step divides its error by four.
    return fine + (fine - coarse) / 3


def _renewal(start: int, level: int, to: int, delay: float, t: float, parts: int) -> np.ndarray:
    """`dropped` in steps of delay / parts, of second order. Probability arrives at `level` from below. It flows back
    when the count falls again, and when the event sets the count."""
    step, n_steps = delay / parts, round(t / delay * parts)
    stay = [at(level)[level:]]  # law of the counts that stayed at `level` or above since an arrival, by the time since
    move = scipy.linalg.expm(free()[level:, level:] * step)
    for _ in range(parts):
        stay.append(move @ stay[-1])
    leaving = DEATH * level * np.array([x[0] for x in stay])  # [1/s]
    state, arrivals = at(start)[:level], np.zeros(n_steps + 1)
    arrivals[0] = BIRTH * state[-1]
    move = scipy.linalg.expm(free()[:level, :level] * step)

    def since(n: int) -> np.ndarray:
        """Arrivals in the last `delay` before step n, the latest first, with the weights of the trapezoid rule."""
        past = arrivals[max(0, n - parts) : n + 1][::-1] * step
        return past * np.where((np.arange(len(past)) == 0) | (np.arange(len(past)) == len(past) - 1), 0.5, 1.0)

    def inflow(n: int) -> np.ndarray:
        flow = np.zeros(level)
        if n:
            past = since(n)
            flow[-1] = past @ leaving[: len(past)]
        if n >= parts:
            flow[to] += stay[-1].sum() * arrivals[n - parts]
        return flow

    flow = inflow(0)
    for n in range(1, n_steps + 1):
        # An arrival acts on the flow of the same step, so the two are solved for by three fixed-point iterations.
        arrivals[n] = arrivals[n - 1]
        for _ in range(3):
            ahead = inflow(n)
            if n == parts:  # the first counts are set at the end of this step: the flow jumps there
                ahead[to] -= stay[-1].sum() * arrivals[0]
            moved = move @ (state + 0.5 * step * flow) + 0.5 * step * ahead
            arrivals[n] = BIRTH * moved[-1]
        state, flow = moved, inflow(n)
    past = since(n_steps)
    return np.concatenate([state, past @ np.array(stay[: len(past)])])


def passages(start: int, passed: Callable[[np.ndarray], np.ndarray], edges: np.ndarray) -> np.ndarray:
    """Joint law float64[interval, count] of the passage time and the count at the last edge.

    The intervals are those of `edges` float64[k + 1] [s], from 0 on, in which the count is first in `passed`. The last
    row is that of no passage."""
    inside = passed(N)
    stopped = np.where(inside, 0.0, free())  # counts that have passed do not move
    waiting = at(start)
    joint_law = np.zeros((len(edges), _SIZE))
    for k, (low, high) in enumerate(zip(edges[:-1], edges[1:])):
        # Two copies of the states: waiting, and passed since `low`.
        both = np.zeros((2 * _SIZE, 2 * _SIZE))
        both[:_SIZE, :_SIZE] = np.where(inside[:, None], 0.0, stopped)
        both[_SIZE:, :_SIZE] = np.where(inside[:, None], stopped, 0.0)
        both[_SIZE:, _SIZE:] = free()
        law = scipy.linalg.expm(both * (high - low)) @ np.concatenate([waiting, np.zeros(_SIZE)])
        waiting = law[:_SIZE]
        joint_law[k] = evolve(edges[-1] - high) @ law[_SIZE:]
    joint_law[-1] = waiting
    return joint_law


def seen_passages(start: int, passed: Callable[[np.ndarray], np.ndarray], times: np.ndarray) -> np.ndarray:
    """Probabilities that each of `times` float64[k] [s] is the first at which the count is in `passed`; the last entry
    is that of none."""
    inside, law, before, probabilities = passed(N), at(start), 0.0, []
    for time in times:
        law = evolve(time - before) @ law
        probabilities.append(law[inside].sum())
        law, before = np.where(inside, 0.0, law), time
    return np.array([*probabilities, law.sum()])


# The networks of the check, each with its laws.

_PASSAGE = "A >= 9"
_EDGES = np.array([0.0, 0.11, 0.23, 0.37, 0.55, 0.81, 1.15, 1.6])
_SEEN = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6)


class Law(NamedTuple):
    """Whole numbers int64[replicate, k] of each replicate, and their joint law float64[...], with an axis for each
    k."""

    what: str
    law: np.ndarray
    numbers: Callable[[Result], np.ndarray]


class EventCase(NamedTuple):
    """A network, the recorded times [s], and its laws."""

    network: Callable[[], ReactionNetwork]
    times: Sequence[float]
    laws: Callable[[], list[Law]]


def _text(rules: str, start: int = 5, model: str = MODEL) -> Callable[[], ReactionNetwork]:
    return lambda: ReactionNetwork.from_text(f"{model}A = {start}\n{rules}")


def _both(first: np.ndarray, step: np.ndarray) -> list[Law]:
    return [
        Law("at the first time", first, lambda run: run.of("A")[:, :1]),
        Law("at both times", joint(first, step), lambda run: run.of("A")),
    ]


def _each(law: Callable[[float], np.ndarray], times: Sequence[float]) -> list[Law]:
    def at_point(k: int) -> Callable[[Result], np.ndarray]:
        return lambda run: run.of("A")[:, k : k + 1]

    return [Law(f"at t = {t:g}", law(t), at_point(k)) for k, t in enumerate(times)]


def _at_counts() -> list[Law]:
    """The initial count is 0, so the condition on few molecules is true at once, and the law starts at 6."""

    def end(before: int, after: int) -> int:
        return 3 if after >= 10 > before else 6 if after <= 1 < before else after

    rates = redirected(end)
    return _both(evolve(0.5, rates) @ at(6), evolve(1.0, rates))


def _at_a_time() -> list[Law]:
    return _both(assignment(lambda n: 2 * n) @ evolve(0.7) @ at(5), evolve(0.5))


def _at_a_time_and_a_count() -> list[Law]:
    first = assignment(lambda n: n + 10 if n < 5 else n) @ evolve(0.6) @ at(5)
    return _both(first, evolve(0.7, redirected(lambda before, after: after + 10 if after < 5 <= before else after)))


def _after_a_passage(t: float) -> np.ndarray:
    waiting = np.where((N[:, None] < 9) & (N < 9), free(), 0.0)
    arriving = np.where((N[:, None] >= 9) & (N < 9), free(), 0.0)
    return delayed(at(5), waiting, arriving, assignment(lambda n: 1), 0.5, t, late=False)


def _after_a_clock(late: bool, t: float) -> np.ndarray:
    """The condition becomes true at the rate 1.2, whatever the count."""
    doubled = assignment(lambda n: 2 * n)
    return delayed(at(5), free() - 1.2 * np.eye(len(N)), 1.2 * np.eye(len(N)), doubled, 0.5, t, late)


def _by_priority() -> list[Law]:
    """A becomes A + 1. Then it is doubled and increased by 3: doubling comes first above 6, last below 6, and a fair
    coin decides at 6. B records the count between."""
    twice, more = assignment(lambda n: 2 * n), assignment(lambda n: n + 3)
    share = np.diag(np.where(N > 6, 1.0, np.where(N == 6, 0.5, 0.0)))
    tied = more @ twice @ share + twice @ more @ (np.eye(len(N)) - share)
    first = tied @ assignment(lambda n: n + 1) @ evolve(0.5) @ at(5)
    return [
        Law("at the first time", first, lambda run: run.of("A")[:, :1]),
        Law("noted, and at the second time", joint(first, evolve(0.6)),
            lambda run: np.stack([run.of("B")[:, 1], run.of("A")[:, 1]], axis=1)),
    ]  # fmt: skip


def _one_of_three() -> list[Law]:
    """The first event that is executed makes the conditions of the others false."""
    maps = [assignment(value) for value in (lambda n: n + 6, lambda n: 2 * n, lambda n: 0)]
    first = sum(maps) / 3 @ evolve(0.5) @ at(5)
    chosen = np.array([[0.0, *(m @ evolve(0.5) @ at(5) / 3)] for m in maps])
    return [
        *_both(first, evolve(0.6)),
        Law("which one, and the count", np.vstack([np.zeros_like(chosen[:1]), chosen])[:, 1:],
            lambda run: np.stack([run.of("F")[:, 0], run.of("A")[:, 0]], axis=1)),
    ]  # fmt: skip


def _stopped() -> list[Law]:
    return _both(evolve(0.8, absorbed(10)) @ at(5), evolve(1.2, absorbed(10)))


def _passing(law: np.ndarray) -> list[Law]:
    def numbers(run: Result) -> np.ndarray:
        passage = first_passage(run, "passage")
        interval = np.where(passage.passed, np.searchsorted(_EDGES, passage.time) - 1, len(_EDGES) - 1)
        return np.stack([interval, run.of("A")[:, -1]], axis=1)

    return [
        Law("when", law.sum(axis=1), lambda run: numbers(run)[:, :1]),
        Law("when, and the count at the end", law, numbers),
    ]


def _seen() -> list[Law]:
    def numbers(run: Result) -> np.ndarray:
        passage = first_passage(run, _PASSAGE)
        return np.where(passage.passed, np.searchsorted(_SEEN, passage.time), len(_SEEN))[:, None]

    return [Law("at which point", seen_passages(5, lambda n: n >= 9, np.array(_SEEN)), numbers)]


_CLOCK = MODEL + "T -> 0 @ 1.2\nT = 1\n"
_TIMES = (0.9, 1.7)
CASES = {
    "at counts": EventCase(
        _text("@event low: when A <= 1; set A = 6\n@event high: when A >= 10; set A = 3", 0), (0.5, 1.5), _at_counts
    ),
    "at a time": EventCase(_text("@event twice: when time >= 0.7; set A = 2 * A"), (0.7, 1.2), _at_a_time),
    "at a time and a count": EventCase(
        _text("@event feed: when time >= 0.6 && A < 5; set A = A + 10"), (0.6, 1.3), _at_a_time_and_a_count
    ),
    "a delay after a passage": EventCase(
        _text("@event hit: when A >= 9 && F < 1; set F = 1\n@event drop: when F > 0; set A = 1; delay 0.5\nF = 0"),
        _TIMES, lambda: _each(_after_a_passage, _TIMES),
    ),
    "a delay, values from the trigger time": EventCase(
        _text("@event late: when T < 1; set A = 2 * A; delay 0.5", 5, _CLOCK),
        _TIMES, lambda: _each(partial(_after_a_clock, False), _TIMES),
    ),
    "a delay, values from after it": EventCase(
        _text("@event late: when T < 1; set A = 2 * A; delay 0.5; values after delay", 5, _CLOCK),
        _TIMES, lambda: _each(partial(_after_a_clock, True), _TIMES),
    ),
    "cancelled when no longer true": EventCase(
        _text("@event full: when A >= 8; set A = 2; delay 0.4; not persistent"), (0.8, 1.6),
        lambda: _each(lambda t: dropped(5, 8, 2, 0.4, t), (0.8, 1.6)),
    ),
    "by priority, with ties": EventCase(
        _text(
            "@event last: when time >= 0.5; set B = A; values after delay\n"
            "@event adds: when time >= 0.5; set A = A + 3; priority 6; values after delay\n"
            "@event doubles: when time >= 0.5; set A = 2 * A; priority A; values after delay\n"
            "@event first: when time >= 0.5; set A = A + 1; priority 1000; values after delay\nB = 0"
        ),
        (0.5, 1.1), _by_priority,
    ),
    "one of three, at random": EventCase(
        _text(
            "".join(
                f"@event e{k}: when time >= 0.5 && F < 1; set F = {k}, A = {value}; priority 2; not persistent\n"
                for k, value in ((1, "A + 6"), (2, "2 * A"), (3, "0"))
            ) + "F = 0"
        ),
        (0.5, 1.1), _one_of_three,
    ),
    "stopped at a level": EventCase(
        _text(
            "@parameter on = 1\n@event stop: when A >= 10; set on = 0", 5,
            f"0 -> A @ propensity({BIRTH:g} * on)\nA -> 0 @ propensity({DEATH:g} * A * on)\n",
        ),
        (0.8, 2.0), _stopped,
    ),
    "passage upwards": EventCase(
        lambda: watch(_text("")(), _PASSAGE), (0.5, 1.6),
        lambda: _passing(passages(5, lambda n: n >= 9, _EDGES)),
    ),
    "passage downwards": EventCase(
        lambda: watch(_text("", 12)(), "A <= 7"), (0.5, 1.6),
        lambda: _passing(passages(12, lambda n: n <= 7, _EDGES)),
    ),
    "passage at recorded points": EventCase(_text(""), _SEEN, _seen),
}  # fmt: skip


@cache
def laws_of(name: str) -> list[Law]:
    """The laws of a case, computed once."""
    return CASES[name].laws()


def outcomes(name: str, method: type, n: int, seed: int) -> list[Outcome]:
    """An outcome for each law of a case."""
    case = CASES[name]
    run = run_of(case.network(), method, case.times, n, seed)
    result = []
    for what, law, numbers in laws_of(name):
        law = np.maximum(law, 0.0)
        p = chi_square(_cells(np.ma.getdata(numbers(run)), law.shape), law.ravel())
        result.append(Outcome(f"{name}, {what}", p, {"probability_cut_off": max(0.0, 1.0 - float(law.sum()))}))
    return result


def _cells(numbers: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The number of the cell of each row: -1 for a run that stopped, and one after the last for rows outside the
    shape."""
    cells = cells_of(numbers, shape)
    cells[(numbers < 0).any(axis=1)] = -1
    return cells


class EventsAndPassages(Check):
    name = "events"
    summary = "events and first-passage times against the master equation"

    def run(self, method: str, seed: int, options: CheckOptions) -> list:
        cls = method_class(method)
        return [outcome for name in CASES for outcome in outcomes(name, cls, options.replicates, seed)]
