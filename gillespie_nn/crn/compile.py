"""From a reaction network to the flat arrays that kernels read.

The structure depends on the network alone and is made once; a volume and rate constants only scale the
coefficients of its terms.
"""

from functools import cached_property
from itertools import chain

import numpy as np

from ..kernels.channels import Channels, Readers
from ..kernels.codes import FALLING, RAMP, STEP

_KIND = {"step": STEP, "ramp": RAMP}


class Structure:
    """Channels without coefficients: `lumped` merges all reactions of equal net change into one channel."""

    def __init__(self, network, lumped):
        index = network.index
        self.order = np.array([r.order for r in network.reactions], dtype=np.int64)
        members = {}
        for r, reaction in enumerate(network.reactions):
            change = tuple(sorted((index[s], n) for s, n in reaction.net_change().items()))
            members.setdefault((change, None if lumped else r), []).append(r)
        self.n_channels = len(members)
        changes = [change for change, _ in members]
        self.term_reaction = np.array(list(chain.from_iterable(members.values())), dtype=np.uint32)
        reactions = [network.reactions[r] for r in self.term_reaction]
        self.arrays = {
            "term_start": _starts(members.values()),
            "term_reaction": self.term_reaction,
            "change_start": _starts(changes),
            "change_species": np.array([s for change in changes for s, _ in change], dtype=np.uint32),
            "change_amount": np.array([n for change in changes for _, n in change], dtype=np.int64),
            **_terms(reactions, index),
        }
        varies = np.zeros(len(index), dtype=np.bool_)
        varies[self.arrays["change_species"]] = True
        self.arrays["varies"] = varies
        self._read = [sorted(index[s] for s in reaction.read_species()) for reaction in reactions]
        self._changes = changes

    def channels(self, rates, volume) -> Channels:
        """The arrays for rate constants float64[reaction] in `volume`."""
        scaled = rates * float(volume) ** (1.0 - self.order)
        return Channels(coefficient=scaled[self.term_reaction], **self.arrays)

    @cached_property
    def readers(self) -> Readers:
        """Who reads each species, and the changes of each channel in fixed places."""
        n_species = len(self.arrays["varies"])
        terms = [[] for _ in range(n_species)]
        for t, species in enumerate(self._read):
            for s in species:
                terms[s].append(t)
        pairs = [(*change[:2], (n_species, 0), (n_species, 0))[:2] for change in self._changes]
        pairs = np.array(pairs, dtype=np.int64).reshape(-1, 2, 2)
        more = [change[2:] for change in self._changes]
        return Readers(
            term_start=_starts(terms),
            term=np.array(list(chain.from_iterable(terms)), dtype=np.uint32),
            channel=np.repeat(np.arange(self.n_channels), np.diff(self.arrays["term_start"])).astype(np.uint32),
            pair_species=pairs[:, :, 0].astype(np.uint32),
            pair_amount=pairs[:, :, 1].copy(),
            more_start=_starts(more),
            more_species=np.array([s for change in more for s, _ in change], dtype=np.uint32),
            more_amount=np.array([n for change in more for _, n in change], dtype=np.int64),
        )


class CompiledNetwork:
    """The compiled structures of a network, each made on first use and kept."""

    def __init__(self, network):
        self._network = network

    @cached_property
    def single(self) -> Structure:
        """One channel a reaction, for the plain reference method."""
        return Structure(self._network, lumped=False)

    @cached_property
    def lumped(self) -> Structure:
        """Reactions with the same net change as one channel; the law of the counts is the same."""
        return Structure(self._network, lumped=True)

    @property
    def n_reactions(self) -> int:
        return len(self._network.reactions)

    @property
    def n_channels(self) -> int:
        """Channels after lumping."""
        return self.lumped.n_channels

    def __str__(self):
        return f"{self.n_reactions} reactions became {self.n_channels} channels"


def _starts(groups):
    return np.concatenate([[0], np.cumsum([len(g) for g in groups])]).astype(np.uint32)


def _terms(reactions, index):
    """Two plain factors a term, padded by the constant 1 behind the last species, and the extra factors."""
    one = len(index)
    first, second, offset, extra, counts = [], [], [], [], []
    for reaction in reactions:
        factors = [(index[s], k) for s, n in reaction.reactants for k in range(n)]
        # The second factor may carry an offset, the first not: a leading (s, 0) always exists.
        first.append(factors[0][0] if factors else one)
        second.append(factors[1][0] if len(factors) > 1 else one)
        offset.append(factors[1][1] if len(factors) > 1 else 0)
        more = [(FALLING, s, k) for s, k in factors[2:]]
        if reaction.threshold is not None:
            kind, above, below = reaction.threshold
            more.append((_KIND[kind], index[above], index[below]))
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
