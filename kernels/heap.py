"""An indexed binary heap of channels by their next time: the earliest on top, any of them moved in log steps."""

import numpy as np

from .linked import kernel, within


@kernel
def _place(heap, position, k, c):
    heap[k] = c
    position[c] = k


@within
def _rise(heap, position, key, c):
    k = np.int64(position[c])
    while k > 0:
        above = (k - 1) >> 1
        if not key[c] < key[heap[above]]:
            break
        _place(heap, position, k, np.int64(heap[above]))
        k = above
    _place(heap, position, k, c)


@within
def _sink(heap, position, key, c):
    k = np.int64(position[c])
    while True:
        below = 2 * k + 1
        if below >= heap.size:
            break
        if below + 1 < heap.size and key[heap[below + 1]] < key[heap[below]]:
            below += 1
        if not key[heap[below]] < key[c]:
            break
        _place(heap, position, k, np.int64(heap[below]))
        k = below
    _place(heap, position, k, c)


@within
def move(heap, position, key, c):
    """Channel c has a new key float64[channel]: restore the order of heap and position, both int32[channel]."""
    # One of the two does nothing: a key that rises past the entry above is below those under it.
    _rise(heap, position, key, c)
    _sink(heap, position, key, c)


@kernel
def build(heap, position, key):
    """Order all channels, from any state of the arrays."""
    for c in range(heap.size):
        _place(heap, position, c, c)
    # From the last entry that has others under it up to the top: what is under an entry is in order when it sinks.
    for k in range(heap.size // 2 - 1, -1, -1):
        _sink(heap, position, key, np.int64(heap[k]))
