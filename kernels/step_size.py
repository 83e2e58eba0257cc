"""How long a leap may be: the condition of Cao, Gillespie and Petzold on the species that reactions use.

The expected change of each, and its standard deviation, stay below max(epsilon x / g, 1) during the leap, which bounds
the change of every propensity by about epsilon; g depends on the order of the reactions that take the species.
Near a steady state, where gains and losses cancel, that alone would allow steps at which explicit leaps are unstable,
or their variance too large by half the share of a species that reacts in a step: with noise, the molecules lost in a
step stay below `_LOSS` epsilon x as well.

Reactions within `FEW` firings of using up a reactant are critical: at most one of them fires in a leap.

Y. Cao, D. T. Gillespie, L. R. Petzold, J. Chem. Phys. 124 (2006) 044109, doi:10.1063/1.2159468.
"""

import numpy as np

from .jit import inlined
from .linked import kernel

FEW = 10
"""As in the paper of 2006, whose n_c it is."""
_LOSS = 3.0
"""Share of what reacts in a step, as a multiple of epsilon: the variance is too large by half of it."""
_TRANSIENT = 20.0
"""Standard deviations of a Poisson number of molecules; see `block_change`."""


@inlined
def _g(order, own, x):
    """Relative change of a propensity for a relative change of the count x, at most."""
    if own <= 1:
        return np.float64(order)
    if order == 2:
        return 2.0 + 1.0 / (x - 1.0)
    if own == 2:
        return 1.5 * (2.0 + 1.0 / (x - 1.0))
    return 3.0 + 1.0 / (x - 1.0) + 2.0 / (x - 2.0)


@inlined
def block_change(epsilon, x):
    """Expected change in a step that is allowed to the count x of a species of a block: blocks are stable whatever the
    step, so that what noise hides may pass.

    With `_TRANSIENT` 20, means after a switch of the input to a 64-32-10 training network (Omega = 1e4) are off by 0.11
    standard deviations of one run (rms of 340 species), and with 10 by 0.03; mean changes of weights differ by 0.15 %.
    """
    return epsilon * x + _TRANSIENT * np.sqrt(x + 1.0)


@inlined
def _is_critical(channels, c, counts, value):
    """Whether channel c can fire, but fewer than `FEW` times."""
    if not value > 0.0:
        return False
    for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
        amount = channels.changes[k].amount
        if amount < 0 and counts[channels.changes[k].species] < -amount * FEW:
            return True
    return False


@kernel
def _add_families(channels, families, plan, state):
    """Add to the expected changes and their variances what families do whose species are felt at once."""
    for f in range(families.pools.shape[0]):
        c = plan.first_family + f
        if not plan.slow.families[f].felt or not state.channels[c].value > 0.0:
            continue
        rate = channels.terms[channels.ranges[c].term_start].coefficient
        rows, columns = families.pools[f, 0], families.pools[f, 1]
        m = families.member_start[f]
        for i in range(families.pool_start[rows], families.pool_start[rows + 1]):
            of_row = rate * state.counts[families.pool_species[i]]
            for j in range(families.pool_start[columns], families.pool_start[columns + 1]):
                s = families.species[m]
                change = families.amount[m] * (of_row * families.share[m] * state.counts[families.pool_species[j]])
                state.species[s].drift += change
                state.species[s].spread += families.amount[m] * change
                m += 1


@inlined
def _pass_annihilation(channels, blocks, plan, state, epsilon):
    """For pairs at rest, keep only the drift of their difference, as that of the more abundant species: the drift of
    their sum is noise, which annihilation removes in less than a step."""
    species = state.species
    for b in range(blocks.blocks.size - 1):
        if not blocks.blocks[b].pair:
            continue
        start = np.int64(blocks.blocks[b].species_start)
        first, second = blocks.species[start], blocks.species[start + 1]
        x, y = np.float64(state.counts[first]), np.float64(state.counts[second])
        c = blocks.entries[blocks.blocks[b].annihilation].channel
        relaxing = channels.terms[channels.ranges[c].term_start].coefficient * (x + y)
        if abs(species[first].drift + species[second].drift) < relaxing * block_change(epsilon, min(x, y)):
            difference = species[first].drift - species[second].drift
            species[first].drift = difference if x >= y else 0.0
            species[second].drift = 0.0 if x >= y else difference


@kernel
def longest_leap(channels, families, blocks, plan, state, epsilon):
    """The longest leap that the condition allows, and the total propensity of the critical channels.

    With blocks only the expected change is bounded, as theirs is, and no channel is critical.
    """
    counts, species = state.counts, state.species
    critical = 0.0
    for k in range(plan.watched.size):
        s = plan.watched[k]
        species[s].drift = 0.0
        species[s].spread = 0.0
        species[s].loss = 0.0
    for k in range(plan.fires.size):
        c = plan.fires[k]
        a = state.channels[c].value
        if blocks is None:
            state.channels[c].critical = _is_critical(channels, c, counts, a)
        if not a > 0.0:
            continue
        if state.channels[c].critical:
            critical += a  # fires at most once, which limits no step
            continue
        for j in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
            s = channels.changes[j].species
            amount = channels.changes[j].amount
            species[s].drift += amount * a
            species[s].spread += amount * amount * a
            if amount < 0:
                species[s].loss -= amount * a
    if families is not None:
        _add_families(channels, families, plan, state)
    if blocks is not None:
        _pass_annihilation(channels, blocks, plan, state, epsilon)
    leap = np.inf
    for k in range(plan.watched.size):
        s = plan.watched[k]
        if species[s].spread > 0.0 and plan.species[s].order > 0:
            x = np.float64(counts[s])
            mean = abs(species[s].drift)  # 0 where gains and losses cancel: the quotient is then infinite
            if blocks is None:
                # From 3 molecules on _g is finite, for any order.
                allowed = max(epsilon * x / _g(plan.species[s].order, plan.species[s].own, max(x, 3.0)), 1.0)
                leap = min(leap, allowed / mean, allowed * allowed / species[s].spread)
                if species[s].loss > 0.0:
                    leap = min(leap, max(_LOSS * epsilon * x, 1.0) / species[s].loss)
            else:
                leap = min(leap, block_change(epsilon, x) / mean)
    return leap, critical
