"""Fast pairs in a leap: two rails that annihilate so fast that the scarcer one is at rest at the end of the step.

Annihilation changes both species x and y of a pair by -1. Their difference d = x - y is slow: it follows the
trapezoidal rule, as in every block. Their sum s = x + y relaxes at the rate k s, for a propensity k x y. In a step tau
much longer than 1 / (k s) the scarcer count n = min(x, y) forgets its initial value. Given d, it is then a birth-death
process at rest, with births at a rate b, and deaths at k n (n + |d|) + (1 + |r|) g n for a decay g of both species:

    pi(n) / pi(n - 1) = (b / (k n (n + |d|) + (1 + |r|) g n))^e,    r = d / s.

Let P, M and H be the propensities of making x, making y, and making both, and d > 0. That d moves while n relaxes adds
corrections, which follow from the linear noise of x and y for k s much larger than g:

- b = H + ((1 - r) P + (1 + r) M) / 2: H + M for d much larger than n, the mean of both rails at d = 0;
- a variance smaller by the factor f = ((1 - r)^2 P + (1 + r)^2 M + 4 H + 4 b) / (8 b), 1 for large d and 3/4 at d = 0;
- a covariance c = ((1 - r) P - (1 + r) M) / (2 k s) of n with the noise of d in the step, whose variance is v: P
  becomes P (1 + w) and M becomes M (1 - w), where w is the noise of d over v, and n keeps the variance f V - c^2 / v,
  where V = b / (k s).

The exponent is e = V / (f V - c^2 / v). Readers of the pair in this step must see its mean over the step. They see n
with its noise reduced by sqrt(2 / (k s tau)), since the integral of a noise that relaxes at the rate k s has a variance
smaller by that factor squared. From k s tau = 2 down that factor is 1, as by the trapezoidal rule.
"""

import math

import numpy as np

from ..jit import inlined
from ..linked import kernel
from .family_leap import fire_often
from .leap_state import LARGEST_SUM

_FAST = 3.0
"""A pair is fast in a step longer than so many of its relaxation times. There exp(-3) = 0.05 of its deviation is left,
while the trapezoidal rule, used for shorter steps, leaves (1 - 3 / 2) / (1 + 3 / 2) = -0.2 of it."""
_AS_FAST = 7.0
"""A fast pair limits steps as if it relaxed at most so many times as fast as its species decay. At 20 per unit of
concentration, the pairs of training networks relax about that fast. With 5, rails of about ten molecules come out too
large after a switch of the input."""
_FEW = 10.0
"""Above so many molecules, the law of the scarcer species is taken as normal, with a correction for skewness."""
_NEGLIGIBLE = 1e-9
"""A sum of probabilities ends at terms below this part of it."""
_ROUNDS = 3
"""Rounds of the iteration for s and r."""
_LEAST_FACTOR = 0.25
"""Least factor f of the variance; below it, the corrections are no longer small."""
_MOST_BIRTHS = 0.5
"""Largest relative correction of births; it is reached only for less than one molecule at d = 0."""


@inlined
def _sources(channels, blocks, state, b, tau):
    """Propensities of making the first, the second and both [1/s]; decay rates; the coefficient of annihilation."""
    first = second = both = first_decay = second_decay = 0.0
    row = np.int64(blocks.blocks[b].dense_start)
    for e in range(blocks.blocks[b].entry_start, blocks.blocks[b + 1].entry_start):
        x, y = blocks.amount[row], blocks.amount[row + 1]
        value = state.channels[blocks.entries[e].channel].value
        if x > 0.0 and y > 0.0:
            both += value
        elif x > 0.0:
            first += value
        elif y > 0.0:
            second += value
        elif y == 0.0:
            first_decay += state.blocks.slope[row] / (0.5 * tau)
        elif x == 0.0:
            second_decay += state.blocks.slope[row + 1] / (0.5 * tau)
        row += 2
    c = blocks.entries[blocks.blocks[b].annihilation].channel
    return first, second, both, first_decay, second_decay, channels.terms[channels.ranges[c].term_start].coefficient


@kernel
def _draw_scarce(weights, rng, mean, birth, k, d, decay, variance, exponent):
    """Draw the count of the scarcer species at rest. Returns it and its mean."""
    if mean > _FEW:
        # E n (n + d) + g n / k = b / k holds for any law of n: births balance deaths.
        linear = d + decay / k
        mean = 0.5 * (math.sqrt(linear * linear + 4.0 * max(birth / k - variance, 0.0)) - linear)
        third = variance * variance * variance * exponent * (1.0 / (mean * mean) + 1.0 / ((mean + d) * (mean + d)))
        z = rng.standard_normal()
        skewed = z + (z * z - 1.0) * third / (6.0 * variance * math.sqrt(variance))
        # Rounding adds the variance of a uniform number, 1/12.
        return max(math.floor(mean + math.sqrt(max(variance - 1.0 / 12.0, 0.0)) * skewed + 0.5), 0.0), mean
    # Small counts: probabilities are summed up to a negligible tail, and inverted.
    # The power lowers the mean by (1 - 1/e) v^2 (1/n^2 + 1/(n + d)^2) / 2, v the variance for e = 1; the smaller
    # variance raises it, by E n (n + d) = b / k. More births make up for both: d mean / d log b is v.
    whole = 2.0 * mean + d
    share = (mean + d) / whole
    lost = (1.0 - 1.0 / exponent) * (0.5 * (share * share + (1.0 - share) ** 2) + exponent * variance / whole)
    birth *= 1.0 + min(lost / (exponent * variance), _MOST_BIRTHS)
    total, moment, weight = 1.0, 0.0, 1.0
    n = 0
    weights[0] = 1.0
    while n + 1 < LARGEST_SUM and (n <= mean or weight > _NEGLIGIBLE * total):
        n += 1
        ratio = birth / (n * (k * (n + d) + decay))
        weight *= ratio if exponent == 1.0 else ratio**exponent
        weights[n] = weight
        total += weight
        moment += n * weight
    left = rng.random() * total
    drawn = 0
    while drawn < n and left >= weights[drawn]:
        left -= weights[drawn]
        drawn += 1
    return float(drawn), moment / total


@kernel
def settle_pair(channels, blocks, state, b, tau, rng):
    """Draw the pair of block b at the end of the step, if it is fast in this step.

    `BlockState.solution` becomes the changes of both species, with noise and expected, and `BlockState.pairs` holds the
    count of the scarcer one. Returns whether the pair is fast, the mean of the scarcer species, the factor of its noise
    for its readers, the rate by which the pair may limit steps [1/s], and the count that limits its expected change.
    """
    solution, pair = state.blocks.solution, state.blocks.pairs
    start = np.int64(blocks.blocks[b].species_start)
    x = np.float64(state.counts[blocks.species[start]])
    y = np.float64(state.counts[blocks.species[start + 1]])
    make_x, make_y, both, decay_x, decay_y, k = _sources(channels, blocks, state, b, tau)
    slow = _AS_FAST * (decay_x + decay_y)
    pair[b].settled = False
    # Annihilation does not change d, so the drawn and the expected changes differ by the noise of the step in d.
    expected = solution[0].expected - solution[1].expected
    change = solution[0].change - solution[1].change
    decay = 0.5 * (decay_x + decay_y)
    noise = (change - expected) * (1.0 + 0.5 * tau * decay)
    spread = (make_x + make_y + decay_x * x + decay_y * y) * tau
    # d at the end of the step. Its noise is attributed to production, which shifts births of the scarcer species.
    d = x - y + change
    plenty, scarce = make_x, make_y
    if d < 0.0:
        plenty, scarce, noise = make_y, make_x, -noise
    away = abs(d)
    if spread > 0.0:
        plenty = max(plenty * (1.0 + noise / spread), 0.0)
        scarce = max(scarce * (1.0 - noise / spread), 0.0)
    if not k > 0.0:
        return False, 0.0, 1.0, slow, 0.0
    birth = both + 0.5 * (plenty + scarce)
    total = r = 0.0
    for _ in range(_ROUNDS):
        total = math.sqrt(away * away + 4.0 * birth / k)
        r = away / total if total > 0.0 else 1.0
        birth = both + 0.5 * ((1.0 - r) * plenty + (1.0 + r) * scarce)
    if not k * total * tau > _FAST:
        return False, 0.0, 1.0, slow, 0.0
    n = mean = 0.0
    if birth > 0.0:
        mean = 2.0 * birth / (k * (total + away))  # the root of k n (n + d) = b
        variance = birth / (k * total)
        factor = ((1.0 - r) ** 2 * plenty + (1.0 + r) ** 2 * scarce + 4.0 * (both + birth)) / (8.0 * birth)
        covariance = 0.5 * ((1.0 - r) * plenty - (1.0 + r) * scarce) / (k * total)
        if spread > 0.0:
            factor -= covariance * covariance / (spread * variance)
        factor = min(max(factor, _LEAST_FACTOR), 1.0)
        n, mean = _draw_scarce(
            state.blocks.weights, rng, mean, birth, k, away, (1.0 + r) * decay, factor * variance, 1.0 / factor
        )  # fmt: skip
    pair[b].settled = True
    pair[b].first = np.int64(n)
    solution[0].change = n + max(d, 0.0) - x
    solution[1].change = n + max(-d, 0.0) - y
    d += expected - change
    solution[0].expected = mean + max(d, 0.0) - x
    solution[1].expected = mean + max(-d, 0.0) - y
    return True, mean, math.sqrt(min(2.0 / (k * total * tau), 1.0)), slow, max(x + y, spread)


@kernel
def _borrow(channels, laws, blocks, plan, state, b, missing, rng):
    """Fire a channel that makes the scarcer species `missing` times more, and less often in the next steps.

    The count drawn may include a molecule that no firing of this step made. Returns the number of firings, or -1 for an
    overflow.
    """
    start = np.int64(blocks.blocks[b].species_start)
    scarcer = 0 if state.counts[blocks.species[start]] < state.counts[blocks.species[start + 1]] else 1
    row = np.int64(blocks.blocks[b].dense_start)
    for e in range(blocks.blocks[b].entry_start, blocks.blocks[b + 1].entry_start):
        c = blocks.entries[e].channel
        if blocks.amount[row + scarcer] > 0.0 and state.channels[c].value > 0.0:
            # It fires no more often than its reactants allow, and only these firings are owed.
            fired = fire_often(channels, laws, plan, state, np.int64(c), missing, rng)
            state.channels[c].carried -= max(fired, 0)
            return fired
        row += 2
    return np.int64(0)


@kernel
def annihilate(channels, laws, blocks, plan, state, b, rng):
    """Fire the annihilation of a settled pair until the scarcer species has the count that was drawn.

    Returns the number of firings, or -1 for an overflow.
    """
    start = np.int64(blocks.blocks[b].species_start)
    left = min(state.counts[blocks.species[start]], state.counts[blocks.species[start + 1]])
    n = left - state.blocks.pairs[b].first
    if n < 0:
        return _borrow(channels, laws, blocks, plan, state, b, -n, rng)
    c = np.int64(blocks.entries[blocks.blocks[b].annihilation].channel)
    return fire_often(channels, laws, plan, state, c, n, rng) if n > 0 else np.int64(0)


@kernel
def show_average(blocks, state, b, mean, shrink, rng):
    """Replace the counts of a settled pair, until `show_counts`, by ones that give readers the mean over the step."""
    start = np.int64(blocks.blocks[b].species_start)
    first, second = np.int64(blocks.species[start]), np.int64(blocks.species[start + 1])
    counts, pair = state.counts, state.blocks.pairs
    pair[b].first, pair[b].second = counts[first], counts[second]
    left = min(counts[first], counts[second])
    shown = np.int64(math.floor(mean + shrink * (left - mean) + rng.random()))
    counts[first] += shown - left
    counts[second] += shown - left


@kernel
def show_counts(blocks, state):
    """Restore the counts of settled pairs."""
    pair = state.blocks.pairs
    for b in range(pair.size):
        if pair[b].settled:
            start = np.int64(blocks.blocks[b].species_start)
            state.counts[blocks.species[start]] = pair[b].first
            state.counts[blocks.species[start + 1]] = pair[b].second
            pair[b].settled = False
