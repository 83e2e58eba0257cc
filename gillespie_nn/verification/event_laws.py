"""Laws of immigration and death under events, and of first-passage times: the master equation with the rule in it.

Counts from `_SIZE` on are cut off; the probability that they hold is stated with each p-value and is one more cell of
the test. Where a rule makes the process forget its past, laws are matrix exponentials, at two times jointly; where a
delay remembers it, an integral over the moment at which the condition became true (by quadrature), or the renewal
equation of an event that is dropped when its condition becomes false (by the trapezoid rule, extrapolated).
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import scipy

from ..crn import ReactionNetwork
from .master_equation import generator

_SIZE = 70
_NODES = 24
"""Of a Gauss-Legendre rule for integrands that are analytic between delays."""
_PARTS = 240
"""Of a delay, in the renewal equation."""
BIRTH, DEATH = 6.0, 0.8
MODEL = f"0 -> A @ {BIRTH:g}\nA -> 0 @ {DEATH:g}\n"
N = np.arange(_SIZE)


@cache
def free() -> np.ndarray:
    """Rates without any rule, float64[to, from] [1/s]."""
    return generator(ReactionNetwork.from_text(MODEL), [(int(k),) for k in N], 1.0)


def at(count: int) -> np.ndarray:
    """The law of a count that is known, float64[count]."""
    return np.where(count == N, 1.0, 0.0)


def evolve(seconds: float, rates: np.ndarray | None = None) -> np.ndarray:
    """Probabilities float64[to, from] after some time, by default without any rule."""
    return scipy.linalg.expm((free() if rates is None else rates) * seconds)


def assignment(value: Callable[[int], int]) -> np.ndarray:
    """Setting the count to `value(count)`, float64[to, from]; what is beyond the last count is lost."""
    found = np.zeros((_SIZE, _SIZE))
    for k in N.tolist():
        if value(k) < _SIZE:
            found[value(k), k] = 1.0
    return found


def redirected(value: Callable[[int, int], int]) -> np.ndarray:
    """Rates where a jump from `before` to `after` ends at `value(before, after)` instead, float64[to, from] [1/s]."""
    found = np.zeros((_SIZE, _SIZE))
    for before in N.tolist():
        for after in {max(before - 1, 0), min(before + 1, _SIZE - 1)} - {before}:
            found[value(before, after), before] += free()[after, before]
        found[before, before] += free()[before, before]
    return found


def absorbed(level: int) -> np.ndarray:
    """Rates where the count stays as it is once it has reached `level`."""
    return np.where(level > N, free(), 0.0)


def joint(first: np.ndarray, step: np.ndarray) -> np.ndarray:
    """float64[first, second] of the law at a first time and the probabilities `step` from there to a second."""
    return (step * first).T


def delayed(
    start: np.ndarray, waiting: np.ndarray, trigger: np.ndarray, change: np.ndarray, delay: float, t: float, late: bool
) -> np.ndarray:
    """The law at `t` [s] where an event happens once, `delay` [s] after its condition became true.

    `waiting` are the rates before that, and `trigger` those at which it becomes true, from the state before to the one
    after. `change` is the assignment, worked out after the delay if it is `late`, else before.
    """
    from scipy.sparse.linalg import expm_multiply

    never, freely = scipy.sparse.csr_array(waiting), scipy.sparse.csr_array(free())

    def after(state: np.ndarray, left: float) -> np.ndarray:
        """`left` [s] from when the condition became true."""
        if left < delay:
            return expm_multiply(freely * left, state)
        state = change @ (expm_multiply(freely * delay, state) if late else state)
        return expm_multiply(freely * (left - delay), state)

    found = expm_multiply(never * t, start)
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    for low, high in ((0.0, max(0.0, t - delay)), (max(0.0, t - delay), t)):
        for s, w in zip(low + (high - low) * (node + 1) / 2, weight * (high - low) / 2):
            found = found + w * after(trigger @ expm_multiply(never * s, start), t - s)
    return found


def dropped(start: int, level: int, to: int, delay: float, t: float) -> np.ndarray:
    """The law at `t` [s], a multiple of the delay, where the count is set to `to` once it has been at `level` or more
    for the whole of `delay` [s]: the event is dropped when the count falls below before."""
    coarse, fine = (_renewal(start, level, to, delay, t, parts) for parts in (_PARTS // 2, _PARTS))
    return fine + (fine - coarse) / 3


def _renewal(start: int, level: int, to: int, delay: float, t: float, parts: int) -> np.ndarray:
    """By steps of delay / parts, of second order: arrivals at `level` feed those below by what left since, and by what
    is set back. An arrival acts on the flow of its own moment: three passes a step solve for both."""
    step, n_steps = delay / parts, round(t / delay * parts)
    stay = [at(level)[level:]]  # the law of those that have been above ever since an arrival, by the time since
    move = scipy.linalg.expm(free()[level:, level:] * step)
    for _ in range(parts):
        stay.append(move @ stay[-1])
    leaving = DEATH * level * np.array([x[0] for x in stay])  # [1/s]
    state, arrivals = at(start)[:level], np.zeros(n_steps + 1)
    arrivals[0] = BIRTH * state[-1]
    move = scipy.linalg.expm(free()[:level, :level] * step)

    def since(n: int) -> np.ndarray:
        """Arrivals of the last `delay` before step n, the latest first, by the weights of the trapezoid rule."""
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
        arrivals[n] = arrivals[n - 1]
        for _ in range(3):
            ahead = inflow(n)
            if n == parts:  # what is set back begins at the end of this step, with a jump
                ahead[to] -= stay[-1].sum() * arrivals[0]
            moved = move @ (state + 0.5 * step * flow) + 0.5 * step * ahead
            arrivals[n] = BIRTH * moved[-1]
        state, flow = moved, inflow(n)
    past = since(n_steps)
    return np.concatenate([state, past @ np.array(stay[: len(past)])])


def passages(start: int, passed: Callable[[np.ndarray], np.ndarray], edges: np.ndarray) -> np.ndarray:
    """Jointly the interval of `edges` float64[k + 1] [s], from 0 on, in which the count first was in `passed`, the last
    being that of no passage, and the count at the last edge: float64[interval, count]."""
    inside = passed(N)
    stopped = np.where(inside, 0.0, free())  # of those that have passed nothing moves
    waiting = at(start)
    found = np.zeros((len(edges), _SIZE))
    for k, (low, high) in enumerate(zip(edges[:-1], edges[1:])):
        # Twice the states: those waiting, and those that passed since `low`.
        both = np.zeros((2 * _SIZE, 2 * _SIZE))
        both[:_SIZE, :_SIZE] = np.where(inside[:, None], 0.0, stopped)
        both[_SIZE:, :_SIZE] = np.where(inside[:, None], stopped, 0.0)
        both[_SIZE:, _SIZE:] = free()
        law = scipy.linalg.expm(both * (high - low)) @ np.concatenate([waiting, np.zeros(_SIZE)])
        waiting = law[:_SIZE]
        found[k] = evolve(edges[-1] - high) @ law[_SIZE:]
    found[-1] = waiting
    return found


def seen_passages(start: int, passed: Callable[[np.ndarray], np.ndarray], times: np.ndarray) -> np.ndarray:
    """Which of `times` float64[k] [s] is the first at which the count is in `passed`; the last entry: none."""
    inside, law, before, found = passed(N), at(start), 0.0, []
    for time in times:
        law = evolve(time - before) @ law
        found.append(law[inside].sum())
        law, before = np.where(inside, 0.0, law), time
    return np.array([*found, law.sum()])
