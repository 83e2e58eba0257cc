"""Terms of propensities: the factors of a reaction, and the arrays of all."""

import numpy as np

from ..kernels.codes import FALLING, LAW, RAMP, STEP

_KIND = {"step": STEP, "ramp": RAMP}


def factors(reaction, index, program):
    """Plain factors (species, offset) of a reaction's propensity, and its extra factors (kind, a, b)."""
    if program is not None:
        return [], [(LAW, program, 0)]
    plain = [(index[s], k) for s, n in reaction.reactants for k in range(n)]
    extra = []
    if reaction.threshold is not None:
        kind, above, below = reaction.threshold
        extra.append((_KIND[kind], index[above], index[below]))
    return plain, extra


def is_law(term) -> bool:
    """Whether a term is a general law."""
    return bool(term[1]) and term[1][0][0] == LAW


def read_species(term, laws):
    """The species that a term reads, in order."""
    plain, extra = term
    if is_law(term):
        return list(laws.laws[extra[0][1]].species)
    return sorted({s for s, _ in plain} | {s for _, *pair in extra for s in pair})


def term_arrays(terms, one):
    """Two plain factors a term, padded by the constant 1, and extra factors: also the plain ones beyond two."""
    first, second, offset, extra, counts = [], [], [], [], []
    for plain, more in terms:
        # The second factor may carry an offset, the first not: a leading (s, 0) always exists.
        first.append(plain[0][0] if plain else one)
        second.append(plain[1][0] if len(plain) > 1 else one)
        offset.append(plain[1][1] if len(plain) > 1 else 0)
        more = [(FALLING, s, k) for s, k in plain[2:]] + more
        extra += more
        counts.append(len(more))
    table = np.array(extra, dtype=np.uint32).reshape(-1, 3)
    return {
        "first": np.array(first, dtype=np.uint32),
        "second": np.array(second, dtype=np.uint32),
        "second_offset": np.array(offset, dtype=np.float64),
        "extra_start": np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32),
        "extra_kind": table[:, 0].copy(),
        "extra_a": table[:, 1].copy(),
        "extra_b": table[:, 2].copy(),
    }
