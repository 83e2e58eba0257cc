"""Which part of a network can move: what is at zero and made by nothing stays at zero, and takes terms with it."""

from .codes import FALLING
from .linked import kernel


@kernel
def mark_live(channels, x, species, terms):
    """Mark in bool[species + 1] what is or may become other than 0, in bool[term] the terms that may be other than 0.

    `x` float64[species + 1] is the state. A term needs all the species it is a product of; a general law, and the
    factor of a threshold, are taken to be other than 0. Passes over the network until one finds nothing new.
    """
    for s in range(species.size):
        species[s] = x[s] != 0.0
    terms[:] = False
    found = True
    while found:
        found = False
        for c in range(channels.ranges.size - 1):
            for t in range(channels.ranges[c].term_start, channels.ranges[c + 1].term_start):
                if terms[t] or not _can_be(channels, t, species):
                    continue
                terms[t] = True
                found = True
                for k in range(channels.ranges[c].change_start, channels.ranges[c + 1].change_start):
                    species[channels.changes[k].species] = True


@kernel
def _can_be(channels, t, species):
    if channels.terms[t].coefficient == 0.0:
        return False
    if not (species[channels.terms[t].first] and species[channels.terms[t].second]):
        return False
    for e in range(channels.terms[t].extra_start, channels.terms[t + 1].extra_start):
        if channels.extras[e].kind == FALLING and not species[channels.extras[e].a]:
            return False
    return True
