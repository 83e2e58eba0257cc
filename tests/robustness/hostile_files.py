"""Hostile files: mutated files must open, be read, repaired and resumed, or end in a clear error.

Half of the mutants are changed in their bytes: cut, flipped, zeroed, overwritten, filled in. The other half is changed
through HDF5: objects of other types and shapes, absurd sizes, links, attributes and JSON of other kinds, values out of
range, a version older than the content, contents in other files, exchanged names, names with formulas and control
characters.

Five things are failures: an exception that is not a `GillespieError`, a crash (HDF5 is compiled code), a mutant that
takes too long, numbers that come from another file, and control characters in a text that a reader would print.
"""

import contextlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from gillespie_nn.analysis import citations_of, citations_text, summary, summary_text
from gillespie_nn.api import resume, simulate, train
from gillespie_nn.api.simulate import new_file
from gillespie_nn.checks import GillespieError, InputError, InternalError
from gillespie_nn.crn import ReactionNetwork
from gillespie_nn.noise import RateNoise
from gillespie_nn.simulation import run_ensemble
from gillespie_nn.simulation.run_options import EVENTS, QUANTILES, RunOptions
from gillespie_nn.simulation.task import make_task
from gillespie_nn.storage import Run, moments_file, open_run, training_file
from gillespie_nn.storage.open import repair
from robustness.attempts import Report, report_of

_ODD: tuple = (
    -1, 0, 2**62, float("nan"), float("inf"), "", "\u00e9" * 40, "x" * 70_000, [], [1, "a"], {}, {"a": None}, None,
    True, "[" * 3000, '{"a":', b"\xff\xfe", "ensemble", "training",
)  # fmt: skip
_SHAPES = ((), (0,), (1,), (3,), (2, 2), (2**40,), (2**31, 2**20), (1, 2, 3, 4))
_DTYPES = ("i8", "f8", "u1", "f4", ">i8", "S5", "c16", "i2", "b1")


_ARGUMENTS = {"paths": 3}
_SECRET = 1234.5
"""What stands in the file that others are made to point at."""
_NAMES = ("=1+1", "@SUM(A1)", "+A", "-A", "a\tb", "\x1b[2J", "A,B", "A\r\nB", "", "\u202eA", "x" * 70_000)
_OF_TERMINALS = "\x1b]0;taken\x07\x9b2J\x7f"


def make_originals(folder: str | Path) -> list[Path]:
    """Files to start from: an ensemble and a training run, both interrupted, with something to go on from; moments
    of some of the replicates that are asked for; a verification of bounds and a prediction."""
    network = ReactionNetwork.from_text("2 A -> B @ 0.01\nB -> 2 A @ 0.1\n0 -> A @ 1\nA -> 0 @ 0.1\nA = 40")
    paths = [Path(folder) / name for name in ("ensemble.h5", "training.h5")]
    run = simulate(
        network, 2.0, 7, replicates=3, seed=1, method="rejection", max_events=1000, count_firings=True,
        schedule=[(1.0, {"A": 3})], noise=RateNoise(0.1, kind="constant"), record=EVENTS, output=paths[0],
    )  # fmt: skip
    assert isinstance(run, Run)
    run.close()
    x = np.array([[0.0], [1.0]])
    train(
        (x, x), hidden=(1,), volume=20.0, presentations=6, running_time=0.5, checkpoint_every=2, seed=1,
        method="rejection", validation=0.5, evaluate_every=3, output=paths[1],
    )  # fmt: skip
    for path in paths:
        with h5py.File(path, "r+") as file:
            file["committed"][-1] = 0
    moments = Path(folder) / "moments.h5"
    asked = RunOptions(t_end=2.0, n_points=7, method="rejection", replicates=40, seed=1, record=QUANTILES)
    task, reason = make_task(network, asked)
    with new_file(moments, task, reason) as file:
        run_ensemble(task, file, units=[0])
    bounds, prediction = Path(folder) / "bounds.h5", Path(folder) / "prediction.h5"
    unknown = np.full((3, 2, 2), np.nan)
    moments_file.write_bounds(bounds, _ARGUMENTS, {
        "size": np.array([1e-3, 1e-2]), "quantity": ("A", "B"), "is_number": np.array([False, True]), "theta": unknown,
        "theta_0": unknown[:, 0], "bound": unknown, "ratio": unknown, "violations": np.zeros((3, 2, 2), np.int64),
        "committed": np.zeros((3, 3), np.uint8),
    })  # fmt: skip
    training_file.write(prediction, _ARGUMENTS, "regression", x, 0.5 * x)
    return [*paths, moments, bounds, prediction]


def mutate(path: Path, rng: np.random.Generator) -> None:
    """Change a file in place."""
    if rng.random() < 0.5:
        path.write_bytes(_bytes_changed(path.read_bytes(), rng))
        return
    with h5py.File(path, "r+") as file:
        for _ in range(rng.integers(1, 3)):
            names: list[str] = []
            file.visit(names.append)
            name = names[rng.integers(len(names))]
            # What HDF5 itself does not allow leaves the file as it is.
            with contextlib.suppress(
                TypeError, ValueError, KeyError, OSError, RuntimeError, AttributeError, OverflowError
            ):
                _CHANGES[rng.integers(len(_CHANGES))](file, name, rng)


def _bytes_changed(original: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(original)
    for _ in range(rng.integers(1, 5)):
        a = int(rng.integers(len(data) + 1)) if rng.random() < 0.7 else int(rng.integers(min(len(data), 4096) + 1))
        n = int(rng.integers(1, 200))
        what = rng.integers(6)
        if what == 0:
            del data[a:]
        elif what == 1:
            data[a : a + 1] = bytes([data[a] ^ (1 << int(rng.integers(8)))]) if a < len(data) else b""
        elif what == 2:
            data[a : a + n] = bytes(len(data[a : a + n]))
        elif what == 3:
            data[a : a + n] = rng.bytes(len(data[a : a + n]))
        elif what == 4:
            data[a:a] = rng.bytes(n)
        else:
            data[a : a + n] = b"\xff" * len(data[a : a + n])
    return bytes(data)


def _odd(rng: np.random.Generator) -> Any:
    return _ODD[rng.integers(len(_ODD))]


def _delete(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    del file[name]


def _replace(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    shape, dtype = _SHAPES[rng.integers(len(_SHAPES))], _DTYPES[rng.integers(len(_DTYPES))]
    if rng.random() < 0.4 and isinstance(file[name], h5py.Dataset):
        shape = file[name].shape
    chunks = tuple(min(n, 4) for n in shape) if shape and all(shape) else None
    del file[name]
    file.create_dataset(name, shape, dtype, chunks=chunks)


def _as_group(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    del file[name]
    file.create_group(name)


def _resize(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    dataset = file[name]
    dtype, units = dataset.dtype, dict(dataset.attrs)
    shape = list(dataset.shape)
    shape[rng.integers(len(shape))] = int(rng.choice([0, 1, 5, 2**33, 2**50]))
    chunks = tuple(max(1, min(n, 4)) for n in shape)
    del file[name]
    made = file.create_dataset(name, tuple(shape), dtype, chunks=chunks, maxshape=(None,) * len(shape))
    if "units" in units:
        made.attrs["units"] = units["units"]


def _value(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    dataset = file[name]
    place = tuple(int(rng.integers(n)) for n in dataset.shape)
    value = _odd(rng)
    if value == [] and h5py.check_string_dtype(dataset.dtype):
        raise TypeError("writing no text at all ends the process in h5py")
    dataset[place] = value


def _link(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    del file[name]
    kinds = (
        h5py.SoftLink("/nowhere"),
        h5py.SoftLink("/"),
        h5py.ExternalLink("other.h5", "/x"),
        h5py.SoftLink("/counts"),
    )
    file[name] = kinds[rng.integers(len(kinds))]


def _attribute(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    item = file if rng.random() < 0.5 else file[name]
    keys = [key for key in item.attrs if "LIST" not in key]
    key = keys[rng.integers(len(keys))]
    if rng.random() < 0.2:
        del item.attrs[key]
    else:
        item.attrs[key] = _odd(rng)


def _json(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    """A value in a text of JSON, at any depth."""
    group = file.get("training", file)
    keys = [key for key in ("arguments", "settings", "data") if key in group.attrs]
    key = keys[rng.integers(len(keys))]
    whole = part = json.loads(group.attrs[key])
    while True:
        places = list(part) if isinstance(part, dict) else list(range(len(part)))
        place = places[rng.integers(len(places))]
        if not isinstance(part[place], (dict, list)) or not part[place] or rng.random() < 0.5:
            break
        part = part[place]
    if rng.random() < 0.2:
        del part[place]
    else:
        part[place] = _odd(rng)
    group.attrs[key] = json.dumps(whole)


def _older(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    """Says that it is of an older version, which did not have what is there."""
    file.attrs["version"] = np.array([1, rng.integers(0, 5)])
    for _ in range(rng.integers(3)):
        _CHANGES[rng.integers(len(_CHANGES))](file, name, rng)


def _elsewhere(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    """What should stand at `name`, or something that no table has, stands in another file."""
    other = Path(file.filename).with_name("other.h5")
    dataset = file[name] if isinstance(file[name], h5py.Dataset) else file["model/rates"]
    _check_small(dataset)
    shape, dtype, units = dataset.shape, dataset.dtype, dict(dataset.attrs)
    with h5py.File(other, "w") as secret:
        secret["secret"] = np.full(shape, _SECRET)
    if rng.random() < 0.3:
        name = f"{name}_more"
    else:
        del file[name]
    what = rng.integers(3)
    if what == 0:
        file[name] = h5py.ExternalLink(other.name, "/secret")
    elif what == 1:
        raw = other.with_suffix(".raw")
        raw.write_bytes(np.full(shape, _SECRET).tobytes())
        file.create_dataset(name, shape, dtype, external=[(str(raw), 0, h5py.h5f.UNLIMITED)])
    else:
        layout = h5py.VirtualLayout(shape, dtype)
        layout[...] = h5py.VirtualSource(str(other), "secret", shape)
        file.create_virtual_dataset(name, layout)
    if "units" in units and what:
        file[name].attrs["units"] = units["units"]


def _twice(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    """A second name of what stands at `name`, or of all there is."""
    file[f"{name}_again" if rng.random() < 0.5 else "again"] = file[name] if rng.random() < 0.7 else file["/"]


def _check_small(dataset: h5py.Dataset) -> None:
    """Raises ValueError for a dataset that an earlier change made too large to be filled."""
    if dataset.size > 1 << 20:
        raise ValueError("too large to be filled")


def _name(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    """Two names exchanged, or one that is none."""
    found = [n for n in ("species", "observable", "model/reactions", "reaction", "quantity", "training/weight",
                         "training/output") if n in file and file[n].size]  # fmt: skip
    dataset = file[found[rng.integers(len(found))]]
    _check_small(dataset)
    names = dataset.asstr()[:]
    if rng.random() < 0.5:
        names = np.roll(names, 1)
    else:
        names[rng.integers(len(names))] = _NAMES[rng.integers(len(_NAMES))]
    dataset[:] = names.tolist()


def _terminal(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    """A text that a terminal would obey."""
    texts = [(g, key) for g in (file, *(file[n] for n in ("model", "training") if n in file)) for key in g.attrs
             if isinstance(g.attrs[key], str)]  # fmt: skip
    group, key = texts[rng.integers(len(texts))]
    group.attrs[key] = group.attrs[key] + _OF_TERMINALS


_CHANGES = (
    _delete, _replace, _as_group, _resize, _value, _link, _attribute, _json, _older, _elsewhere, _name, _terminal,
    _twice,
)  # fmt: skip


def attempt(folder: str | Path, seed: int, number: int) -> str:
    """`opened` or `refused`; everything else raises an exception."""
    rng = np.random.default_rng([seed, number])
    originals = sorted(Path(folder).glob("*.h5"))
    with tempfile.TemporaryDirectory() as own:
        path = Path(own) / "x.h5"
        path.write_bytes(originals[rng.integers(len(originals))].read_bytes())
        mutate(path, rng)
        found = [_refused(act, path) for act in (_read, _copy, _resume)]
    return "refused" if found[0] else "opened"


def _refused(act: Callable[[Path], object], path: Path) -> bool:
    try:
        act(path)
    except InternalError:
        raise
    except GillespieError as error:
        if not str(error) or "\n\n" in str(error):
            raise AssertionError(f"an error without a sentence: {error!r}") from error
        return True
    return False


def _read(path: Path) -> None:
    for own in (partial(moments_file.read_bounds, arguments=_ARGUMENTS), training_file.read):
        with contextlib.suppress(InputError):
            found = own(path)
            if isinstance(found, training_file.StoredPrediction):
                training_file.scores(found)
            return
    with open_run(path) as run:
        said = [summary_text(summary(run)), citations_text(citations_of(run)), run.method_reason]
        if isinstance(run, Run):
            said += run.table().names
            for block in run.table().chunks:
                _check_own(*block)
            _check_own(run.covariance, *run.statistics.values())
            for k in run.replicates.tolist() if run.record == EVENTS else ():
                _check_own(*run.events(k), *run.jump_path(k))
    if not all(line.isprintable() for text in said for line in text.splitlines()):
        raise AssertionError("what a terminal obeys comes out of a file")


def _check_own(*arrays: Any) -> None:
    """Raises AssertionError for what stands in another file."""
    for array in arrays:
        if (np.asarray(array) == _SECRET).any():
            raise AssertionError("numbers of another file come out of one")


def _copy(path: Path) -> None:
    copy = path.with_name("copy.h5")
    copy.write_bytes(path.read_bytes())
    repair(copy)


def _resume(path: Path) -> None:
    with contextlib.redirect_stderr(io.StringIO()):
        found = resume(path)
    if hasattr(found, "close"):
        found.close()


def run(method: str, seed: int, n: int) -> Iterator[Report]:
    """A report of `n` mutants. `method` is unused: the files contain what they were written with."""
    with tempfile.TemporaryDirectory() as folder:
        make_originals(folder)
        yield report_of(f"{n} files", n, partial(attempt, folder, seed), ("opened", "refused"))
