"""Download of the data files of a case, which the package does not contain."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_data_path

from .. import checks
from ..checks import InputError, UnfinishedError
from ..progress import Progress
from .dataset import Case

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
