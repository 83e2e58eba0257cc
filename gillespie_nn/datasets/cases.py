"""The datasets to learn, and the download of data files that the package does not contain."""

import csv
import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from platformdirs import user_data_path

from .. import checks, seeds
from ..checks import InputError, UnfinishedError
from ..progress import Progress
from ..seeds import Purpose
from .dataset import CLASSIFICATION, REGRESSION, THRESHOLD, Case, Dataset, Settings, stratified_split

VARIABLE = "GILLESPIE_NN_DATA"
_TIMEOUT = 5.0, 30.0
"""To connect, and between two pieces of a file [s]."""
_CHUNK = 65_536
_ATTEMPTS = 2
"""Attempts at each source, if a transfer is interrupted or its checksum is wrong."""


def data_folder() -> Path:
    """The folder of downloaded data: the value of the environment variable GILLESPIE_NN_DATA, or by default the
    operating system's folder for user data."""
    return Path(os.environ.get(VARIABLE) or user_data_path("gillespie-nn", appauthor=False)).expanduser()


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def fetch(
    case: Case,
    folder: str | Path | None = None,
    source: str | Path | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
) -> list[dict]:
    """Download the files of `case` into a folder of its name, and check each against its published SHA-256.

    Parameters
    ----------
    folder : parent of the folder of the case; default `data_folder()`.
    source : URL of the folder that contains the files, instead of `case.sources`.
    overwrite : replace existing files that differ from the published ones; correct files are always kept.
    progress : show progress; None: on a terminal and in a notebook.

    Returns
    -------
    For each file `name`, `path`, `sha256`, `bytes`, and `status`: "fetched" or "kept".

    Raises
    ------
    InputError : an existing file differs from the published one. UnfinishedError : no source gave the right file;
    partial downloads are removed. MissingExtraError : pooch is not installed.
    """
    if not case.files:
        raise InputError(f"case {case.name!r} needs no files: it can be trained as it is")
    folder = (data_folder() if folder is None else Path(folder).expanduser()) / case.name
    sources = case.sources if source is None else (_url(source),)
    missing = [name for name, digest in case.files.items() if not _is_there(folder / name, digest, overwrite)]
    for name in missing:
        checks.new_file(folder / name, overwrite)
        _download(name, case.files[name], folder, sources, progress)
    return [
        {
            "name": name,
            "path": str(folder / name),
            "sha256": digest,
            "bytes": (folder / name).stat().st_size,
            "status": "fetched" if name in missing else "kept",
        }
        for name, digest in case.files.items()
    ]


def _url(source: str | Path) -> str:
    address = urlsplit(str(source))
    if address.scheme not in ("https", "http") or not address.netloc:
        raise InputError(f"the source must be a URL that starts with https:// or http://, got {source!r}")
    return str(source).rstrip("/") + "/"


def _is_there(path: Path, digest: str, overwrite: bool) -> bool:
    if not path.is_file():
        return False
    try:
        checksum = sha256(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if checksum != digest and not overwrite:
        raise InputError(
            f"{path} differs from the published file (its SHA-256 is {checksum}): replace it with overwrite=True "
            "(--overwrite), or choose another folder with --output"
        )
    return checksum == digest


def _download(name: str, digest: str, folder: Path, sources: Sequence[str], progress: bool | None) -> None:
    """Fetch one file."""
    # pooch writes a temporary file, checks it, and only then moves it to its name: no partial file is left there.
    pooch = checks.optional("pooch", "data", "fetching data")
    from requests import ConnectionError, RequestException, Timeout  # pooch brings it

    pooch.get_logger().setLevel("WARNING")
    refused = {}
    for source in sources:
        for _ in range(_ATTEMPTS):
            bar = _DownloadBar(name, progress)
            downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, timeout=_TIMEOUT)
            try:
                pooch.retrieve(source + name, f"sha256:{digest}", fname=name, path=folder, downloader=downloader)
                return
            except (ConnectionError, Timeout):
                refused[source] = "no connection"
                break
            except RequestException as error:
                status = getattr(error.response, "status_code", None)
                refused[source] = "the transfer was interrupted" if status is None else f"HTTP status {status}"
                if status is not None:
                    break
            # pooch raises ValueError for a wrong checksum.
            except ValueError:
                refused[source] = "the file had a wrong SHA-256"
            except OSError as error:
                raise UnfinishedError(f"cannot write {folder / name}: {error.strerror}") from None
            finally:
                bar.end()
    why = "; ".join(f"{source}: {reason}" for source, reason in refused.items())
    advice = "is this machine offline? Try again" if set(refused.values()) == {"no connection"} else "try again"
    raise UnfinishedError(f"{name} could not be fetched ({why}): {advice}, or give another source with --source URL")


class _DownloadBar:
    """The interface of a progress bar that pooch expects, shown by `Progress`."""

    def __init__(self, label: str, shown: bool | None) -> None:
        self._label, self._shown = label, shown
        self._progress: Progress | None = None
        self._done = 0
        self.total = 0
        """Set by pooch before the first update [bytes]."""

    def update(self, n: int) -> None:
        if self._progress is None:
            self._progress = Progress(self._label, self.total, self._shown)
            self._progress.__enter__()
        self._done += n
        self._progress.update(min(self._done, self.total), f"{self._done / 1e6:.1f} MB")

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """The file has arrived."""
        if self._progress is not None:
            self._progress.__exit__(None, None, None)
            self._progress = None

    def end(self) -> None:
        """Stop drawing, also after an error."""
        if self._progress is not None:
            self._progress.__exit__(UnfinishedError, None, None)


# The cases: digits of scikit-learn, iris, a regression, exclusive or, and MNIST, with settings that train them.

# The handwritten digits of scikit-learn, 8 x 8 pixels: a small stand-in for MNIST that needs no download

CHECKSUM = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""SHA-256 of the grey values, sample by sample, and then of the classes, each as one byte."""
_GREYS = 16
_IMAGE = (8, 8)
_N_DIGITS = 10
_SHARE_OF_DIGITS = 0.75


class Digits(Case):
    """A grey value g in 0..16 is the concentration g / 16; the target is one-hot.

    The split by seed keeps three quarters of each digit for training, 1,347 images, and a quarter for the test, 450.
    The step s = 0.03 keeps s |x|^2 at 0.45 in the mean (|x|^2 is 15); float gradient descent then gets 0.952 of the
    test right in seven passes (mean of ten seeds, 0.940 at least), 0.940 at s = 0.02 and 0.952 at 0.04.
    """

    name = "digits"
    summary = "digits of 8 x 8 pixels, 64-16-10, 1,347 for training and 450 for the test; needs scikit-learn"
    settings = Settings(
        hidden=(16,), learning_rate=0.0075, running_time=12.0, hold=8.0, presentations=9429, initial_scale=0.5
    )

    def load(self, seed: int) -> Dataset:
        datasets = checks.optional("sklearn.datasets", "data", "the case digits, of scikit-learn,")
        greys, digit = datasets.load_digits(return_X_y=True)
        checksum = hashlib.sha256(greys.astype(np.uint8).tobytes() + digit.astype(np.uint8).tobytes()).hexdigest()
        notice = "" if checksum == CHECKSUM else "the digits of this scikit-learn differ from those of version 1.9"
        x, t = greys / _GREYS, np.eye(_N_DIGITS)[digit]
        train, test = stratified_split(digit, _SHARE_OF_DIGITS, seed)
        checksums = {"digits, grey values and classes": checksum}
        return Dataset(self.name, CLASSIFICATION, x[train], t[train], x[test], t[test], checksums, notice,
                       image=_IMAGE)  # fmt: skip


# Iris (Fisher 1936): four lengths of 150 flowers, three species; see data/README.md for the source

SPECIES = ("setosa", "versicolor", "virginica")
_LOW = np.array([4.0, 2.0, 1.0, 0.0])
_HIGH = np.array([8.0, 4.5, 7.0, 2.5])
_SHARE_OF_IRIS = 0.7


def _file() -> Any:
    return resources.files("gillespie_nn.data").joinpath("iris.csv")


def table() -> tuple[np.ndarray, np.ndarray]:
    """Lengths float64[150, 4] [cm] and species int64[150]."""
    with _file().open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    lengths = np.array([row[:4] for row in rows], dtype=np.float64)
    return lengths, np.array([SPECIES.index(row[4]) for row in rows])


class Iris(Case):
    """Each length is mapped linearly to [0, 1] over fixed round limits; the target is one-hot.

    The split by seed keeps 35 flowers of each species for training and 15 for the test. Learning is held for the first
    9 s of each presentation, until the errors are those of the flower presented: without that, the errors of the flower
    before cost a percentage point of accuracy at T = 20 s.
    """

    name = "iris"
    summary = "Fisher's iris flowers, 4-8-3, 105 for training and 45 for the test"
    settings = Settings(hidden=(8,), learning_rate=0.0125, running_time=17.0, hold=9.0, presentations=2100)

    def load(self, seed: int) -> Dataset:
        lengths, species = table()
        x = (lengths - _LOW) / (_HIGH - _LOW)
        t = np.eye(len(SPECIES))[species]
        train, test = stratified_split(species, _SHARE_OF_IRIS, seed)
        checksums = {"iris.csv": hashlib.sha256(_file().read_bytes()).hexdigest()}
        return Dataset(self.name, CLASSIFICATION, x[train], t[train], x[test], t[test], checksums, classes=SPECIES)


# A non-linear regression: the product of two signed numbers, drawn by the seed

_N_TRAIN, _N_TEST = 200, 500


def target(x: np.ndarray) -> np.ndarray:
    """t = 2 x_0 x_1, float64[sample, 1], for x float64[sample, 2] in [-1, 1]."""
    return 2.0 * x[:, :1] * x[:, 1:]


class Regression(Case):
    """Inputs x_0 and x_1, uniform in [-1, 1], and the target 2 x_0 x_1, all without noise, are concentrations as they
    are; a negative one is held by the minus rail.

    The best linear fit is all but constant, with an RMSE of 0.69 on the test set. All 700 samples are drawn by the
    seed; the first 200 are for training. Float gradient descent with these settings comes to about 0.07.
    """

    name = "regression"
    summary = "the product of two signed numbers, 2-8-1, 200 for training and 500 for the test"
    settings = Settings(hidden=(8,), learning_rate=0.005, running_time=20.0, hold=10.0, presentations=2000)

    def load(self, seed: int) -> Dataset:
        x = seeds.stream(seed, Purpose.SPLIT).uniform(-1.0, 1.0, (_N_TRAIN + _N_TEST, 2))
        t = target(x)
        return Dataset(self.name, REGRESSION, x[:_N_TRAIN], t[:_N_TRAIN], x[_N_TRAIN:], t[_N_TRAIN:])


# Exclusive or: the four corners of the unit square, inputs and targets 0 and 1 [concentration]


class XOR(Case):
    """0 and 1 are concentrations as they are; there is nothing to split, and the seed decides nothing."""

    name = "xor"
    summary = "exclusive or, 2-4-1, trained and tested on its four samples"
    settings = Settings(hidden=(4,), presentations=1500, annihilation_rate=60.0)

    def load(self, seed: int) -> Dataset:
        x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        t = np.array([[0.0], [1.0], [1.0], [0.0]])
        return Dataset(self.name, THRESHOLD, x, t, x, t)


# MNIST (LeCun, Cortes and Burges): handwritten digits of 28 x 28 pixels, 60,000 for training and 10,000 for the test
#
# The four files in IDX format, gzipped, are read from `mnist/` in `download.data_folder()`, where `fetch-data` puts
# them. Files that differ from the published ones are used, with a notice.

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

    128 images are presented at once and share the weights. The learning rate falls along half a cosine. Step and h were
    chosen by training on 55,000 training images, judged on the other 5,000. Hold and window are half a minute each:
    errors need about 20 s to come to rest, and must follow the weights while these learn. Descent in floating point
    diverges at this step.
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
        other = [name for name, checksum in zip(FILES, sums) if checksum != FILES[name]]
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
            # A few kilobytes can unpack to any size: no more is unpacked than the header declares, and one byte more
            # to notice that there is more.
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
