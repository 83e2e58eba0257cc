"""Records: one array for what belongs to one axis, since a kernel is compiled for each array that it is passed."""

import numpy as np


def record_type(**fields):
    """The dtype of a record, aligned as in C, from names and dtypes. Names are none of numpy's own, such as `size`."""
    # Of numpy's record arrays an element has its fields as attributes, as it has in a compiled kernel: so kernels also
    # run in plain Python (NUMBA_DISABLE_JIT=1).
    return np.dtype((np.record, np.dtype(list(fields.items()), align=True)))
