"""MNIST (LeCun, Cortes and Burges): handwritten digits of 28 x 28 pixels, 60,000 for training and 10,000 for the test.

The four files in IDX format, gzipped, are read from `mnist/` in `download.data_folder()`, where `fetch-data` puts them.
Files that differ from the published ones are used, with a notice.
"""

import gzip
import math
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from ..checks import InputError
from .base import CLASSIFICATION, Case, Dataset, Settings
from .download import VARIABLE, data_folder, sha256

FILES = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
"""Name and SHA-256 of each file as published."""
SOURCES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_N_CLASSES = 10
_UNSIGNED_BYTES = 8
_MOST_BYTES = 2**30
"""In a file, unpacked; those of MNIST have 47 million."""


class MNIST(Case):
    """A grey value g in 0..255 is the concentration g / 255, less its mean over the training images; the target is
    one-hot. The split is the published one, whatever the seed.

    128 images at once share the weights, and the licence falls as a cosine. Step and h were chosen by training on
    55,000 training images, judged on the other 5,000. Hold and window are half a minute each: errors need some 20 s to
    come to rest, and must follow the weights while these learn. Descent in floating point diverges at this step.
    """

    name = "mnist"
    summary = "handwritten digits, 784-256-10, 60,000 for training and 10,000 for the test; needs the data files"
    files = FILES
    sources = SOURCES
    method, volume = "batch_leap", 1e4
    settings = Settings(
        hidden=(256,), batch=128, centred=True, learning_schedule="cosine", learning_rate=6.0 / 128 / 30,
        running_time=60.0, hold=30.0, presentations=8 * 469, h=0.01, output_activation="smooth_relu",
        annihilation_rate=60.0, initial_scale=1.0,
    )  # fmt: skip
    quick = {"hidden": (128,), "presentations": 3 * 469}

    def load(self, seed: int) -> Dataset:
        folder = _folder()
        arrays, sums = zip(*(_read(folder / name) for name in FILES))
        for (name, array), labels in zip(list(zip(FILES, arrays))[::2], arrays[1::2]):
            if len(array) != len(labels) or not len(array) or array[0].shape != arrays[0][0].shape:
                raise InputError(
                    f"{folder / name} has shape {array.shape} for {len(labels)} labels: fetch the files again"
                )
            if labels.max() >= _N_CLASSES:
                raise InputError(f"labels of {folder / name} contain {labels.max()}, above 9: fetch the files again")
        x = [a.reshape(len(a), -1) / 255.0 for a in arrays[::2]]
        t = [np.eye(_N_CLASSES)[a] for a in arrays[1::2]]
        other = [name for name, found in zip(FILES, sums) if found != FILES[name]]
        notice = f"{', '.join(other)} in {folder}: not the published file (different SHA-256)" if other else ""
        return Dataset(self.name, CLASSIFICATION, x[0], t[0], x[1], t[1], dict(zip(FILES, sums)), notice,
                       image=arrays[0].shape[1:])  # fmt: skip


def _folder() -> Path:
    folder = data_folder() / MNIST.name
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"the files of MNIST are missing ({folder} lacks {', '.join(missing)}): fetch them with `gillespie-nn "
            f"fetch-data`, or set {VARIABLE} to the folder that contains {MNIST.name}/"
        )
    return folder


@cache
def _read(path: Path) -> tuple[np.ndarray, str]:
    """The array in a gzipped IDX file, uint8, and the file's SHA-256."""
    try:
        with gzip.open(path) as file:
            _, _, kind, n_axes = file.read(4)
            shape = np.frombuffer(file.read(4 * n_axes), dtype=">u4").tolist()
            n_bytes = math.prod(shape)
            # A few kilobytes can unpack to any size: no more is unpacked than there should be.
            data = file.read(n_bytes + 1) if n_bytes <= _MOST_BYTES else b""
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{path} is not a gzipped IDX file ({error}): fetch it again") from None
    if kind != _UNSIGNED_BYTES or n_axes != (3 if "images" in path.name else 1) or len(shape) != n_axes:
        raise InputError(f"{path} does not contain the data that its name says: fetch it again")
    if n_bytes > _MOST_BYTES:
        raise InputError(f"{path} declares {n_bytes} bytes, but the limit is {_MOST_BYTES}: fetch it again")
    if len(data) != n_bytes:
        what = "more" if len(data) > n_bytes else f"{len(data)}"
        raise InputError(f"{path} declares {n_bytes} bytes, but contains {what}: fetch it again")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape), sha256(path)
