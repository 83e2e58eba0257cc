"""Slow, plain twins of the package, written from the definitions and from nothing in the package but the network's
own data: propensities, the master equation, the mass-action right-hand side."""

import itertools
import math

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import expm_multiply


def falling_factorial(n, k):
    value = 1
    for j in range(k):
        value *= n - j
    return value


def propensity(reaction, state, volume):
    """Propensity of one reaction in `state` {species: count}."""
    if reaction.law is not None:
        return reaction.rate * law_value(reaction.law, state)
    order = sum(n for _, n in reaction.reactants)
    value = reaction.rate
    for s, n in reaction.reactants:
        value *= falling_factorial(state[s], n)
    if reaction.threshold is not None:
        kind, above, below = reaction.threshold
        difference = state[above] - state[below]
        if kind == "ramp":
            order += 1
            value *= max(difference, 0)
        else:
            value *= 1 if difference > 0 else 0
    return value * float(volume) ** (1 - order)


def law_value(law, values):
    """A general law or rule by Python's own evaluation of its text."""
    text = str(law).replace("^", "**").replace("&&", " and ").replace("||", " or ")
    functions = {"piecewise": _piecewise} | {n: getattr(math, n) for n in ("exp", "sqrt", "sin", "cos")}
    return float(eval(text, {"__builtins__": {"min": min, "max": max}}, functions | dict(values)))


def _piecewise(*parts):
    for value, condition in zip(parts[::2], parts[1::2]):
        if condition:
            return value
    return parts[-1]


def fire(reaction, state):
    state = dict(state)
    for s, n in reaction.reactants:
        state[s] -= n
    for s, n in reaction.products:
        state[s] += n
    return state


def master_equation(network, volume, most, time):
    """Law at `time` of the chemical master equation on counts 0..most[species], as an array over the counts.

    States outside are cut off (their probability is lost), so 1 - sum is the error made.
    """
    ranges = [range(most[s] + 1) for s in network.species]
    states = list(itertools.product(*ranges))
    place = {state: k for k, state in enumerate(states)}
    rows, columns, values = [], [], []
    for k, counts in enumerate(states):
        state = dict(zip(network.species, counts, strict=True))
        for reaction in network.reactions:
            rate = propensity(reaction, state, volume)
            if rate == 0:
                continue
            rows.append(k)
            columns.append(k)
            values.append(-rate)
            after = tuple(fire(reaction, state).values())
            if after in place:
                rows.append(place[after])
                columns.append(k)
                values.append(rate)
    generator = csr_array((values, (rows, columns)), shape=(len(states), len(states)))
    start = np.zeros(len(states))
    start[place[tuple(network.initial[s] for s in network.species)]] = 1.0
    return expm_multiply(generator * time, start).reshape([len(r) for r in ranges])


def mass_action(network):
    """The right-hand side dc/dt of the mass-action equations as a function of c, an array over the species."""
    index = {s: k for k, s in enumerate(network.species)}

    def right_hand_side(c):
        change = np.zeros(len(c))
        for reaction in network.reactions:
            rate = reaction.rate
            for s, n in reaction.reactants:
                rate *= c[index[s]] ** n
            if reaction.threshold is not None:
                kind, above, below = reaction.threshold
                difference = c[index[above]] - c[index[below]]
                rate *= max(difference, 0.0) if kind == "ramp" else float(difference > 0)
            for s, n in reaction.reactants:
                change[index[s]] -= n * rate
            for s, n in reaction.products:
                change[index[s]] += n * rate
        return change

    return right_hand_side
