"""What compiled structures of a network come to."""

from gillespie_nn.kernels.channels import channel_value
from gillespie_nn.kernels.exact.families import sum_pools


def by_change(network, structure, rates, volume, counts):
    """Total propensity of each net change, from compiled arrays: {((species, amount), ...): value}."""
    channels, _, families = structure.arrays_for(rates, volume)
    state = structure.state(counts)
    sum_pools(families, state)
    found = {}
    for c, change in enumerate(structure.changes[: structure.n_plain]):
        key = tuple((network.species[s], n) for s, n in change if s < len(network.species))
        found[key] = found.get(key, 0.0) + channel_value(channels, None, c, state, state)
    for f, (rows, columns) in enumerate(families.pools):
        pool = [
            families.pool_species[families.pool_start[p] : families.pool_start[p + 1]].tolist() for p in (rows, columns)
        ]
        m = families.member_start[f]
        total = channel_value(channels, None, structure.n_plain + f, state, state)
        sums = [int(counts[p].sum()) for p in pool]
        for i in pool[0]:
            for j in pool[1]:
                key = ((network.species[families.species[m]], int(families.amount[m])),)
                drawn = counts[i] * counts[j] / max(1, sums[0] * sums[1])
                found[key] = found.get(key, 0.0) + total * drawn * families.share[m]
                m += 1
    return found


def structure_of(network, kind, rates):
    compiled = network.compiled
    return compiled.layered(rates) if kind == "layered" else getattr(compiled, kind)
