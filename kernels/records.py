"""Records: one array for what belongs to one axis, since a kernel is compiled for each array that it is passed."""

import numba
import numpy as np


def record_type(**fields):
    """The dtype of a record, aligned as in C, from names and dtypes. Names are none of numpy's own, such as `size`."""
    dtype = np.dtype(list(fields.items()), align=True)
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # Kernels then run in plain Python, where only these records have attributes.
        return np.dtype((np.record, dtype))
    return dtype
