"""Which part of a network can move: what is at zero and made by nothing stays at zero, and takes terms with it."""

from .codes import FALLING
from .jit import kernel


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
        for c in range(channels.term_start.size - 1):
            for t in range(channels.term_start[c], channels.term_start[c + 1]):
                if terms[t] or not _can_be(channels, t, species):
                    continue
                terms[t] = True
                found = True
                for k in range(channels.change_start[c], channels.change_start[c + 1]):
                    species[channels.change_species[k]] = True


@kernel
def _can_be(channels, t, species):
    if channels.coefficient[t] == 0.0 or not (species[channels.first[t]] and species[channels.second[t]]):
        return False
    for e in range(channels.extra_start[t], channels.extra_start[t + 1]):
        if channels.extra_kind[e] == FALLING and not species[channels.extra_a[e]]:
            return False
    return True
