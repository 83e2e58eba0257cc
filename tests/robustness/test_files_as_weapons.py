"""Files and names that others made on purpose: what must not happen does not.

Every test here failed before files were checked by their tables and written under names of chance, but where it says
otherwise.
"""

import gzip
import json
import multiprocessing
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

import h5py
import make_golden
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.datasets import cases
from gillespie_nn.storage import MomentsFile, moments_file, training_file
from gillespie_nn.storage import moments_file as bounds_file
from gillespie_nn.storage.export import export
from gillespie_nn.storage.open import follow, repair
from helpers.paths import ROOT
from robustness import hostile_files

NET = gnn.ReactionNetwork.from_text("0 -> A @ 5\nA -> 0 @ 0.5\n0 -> B @ 50\nB -> 0 @ 0.5\n@rule total = A + B")
SECRET = 1234.5
KINDS = ("ensemble", "training", "moments", "bounds", "prediction")
ESCAPE = "\x1b]0;taken\x07\x9b2J"


@pytest.fixture
def file(tmp_path):
    """Makes a whole file of a kind."""

    def make(kind):
        path = tmp_path / "x.h5"
        found = max(make_golden.FINISHED.glob(f"*-{kind}.h5"))
        shutil.copy(found, path)
        return path

    return make


def read(path):
    """By whoever reads files of its kind."""
    with h5py.File(path) as opened:
        filetype, arguments = opened.attrs["filetype"], opened.attrs.get("arguments", "")
    if filetype == "gillespie-nn bounds":
        return bounds_file.read_bounds(path, json.loads(arguments))
    if filetype == "gillespie-nn prediction":
        return training_file.read(path)
    with gnn.open_run(path) as run:
        return run.n_events


def refused(path, what):
    with pytest.raises(gnn.InputError, match=what):
        read(path)
    for format in ("csv", "netcdf"):
        output = path.with_name(f"out.{format}")
        with pytest.raises(gnn.InputError):
            export(path, format, output)
        assert not output.exists()


def somewhere_else(tmp_path, opened, name, how, shape, dtype):
    """Put what stands in another file at `name`."""
    other, raw = tmp_path / "other.h5", tmp_path / "other.raw"
    with h5py.File(other, "w") as secret:
        secret["secret"] = np.full(shape, SECRET).astype(dtype)
    raw.write_bytes(np.full(shape, SECRET).astype(dtype).tobytes())
    if name in opened:
        del opened[name]
    if how == "external link":
        opened[name] = h5py.ExternalLink(str(other), "/secret")
    elif how == "soft link":
        opened[name] = h5py.SoftLink("/time")
    elif how == "external storage":
        opened.create_dataset(name, shape, dtype, external=[(str(raw), 0, h5py.h5f.UNLIMITED)])
    else:
        layout = h5py.VirtualLayout(shape, dtype)
        layout[...] = h5py.VirtualSource(str(other), "secret", shape)
        opened.create_virtual_dataset(name, layout)


HOW = ("external link", "soft link", "external storage", "virtual dataset")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", ["covariance", "observables", "statistics/more"])
@pytest.mark.parametrize("version", [(1, 0), (1, 5)])
def test_numbers_of_another_file_do_not_come_out_of_one(tmp_path, how, name, version):
    """At version 1.5 what stands in the tables was refused before; at 1.0 it was followed."""
    path = tmp_path / "run.h5"
    gnn.simulate(NET, t_end=5.0, n_points=3, replicates=2, seed=1, output=path).close()
    with h5py.File(path, "r+") as opened:
        opened.attrs["version"] = np.array(version)
        shape = opened[name].shape if name in opened else (2,)
        somewhere_else(tmp_path, opened, name, how, shape, np.float64)
    refused(path, "is a link|is stored in another file")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_another_file_stands_anywhere_in_one(file, tmp_path, kind, how):
    path = file(kind)
    with h5py.File(path, "r+") as opened:
        somewhere_else(tmp_path, opened, "a_thing_of_mine", how, (3,), np.float64)
    with pytest.raises(gnn.InputError, match="is a link|is stored in another file"):
        read(path)


def test_groups_that_hold_each_other_end(file):
    path = file("ensemble")
    with h5py.File(path, "r+") as opened:
        opened["model/again"] = opened["model"]
    with pytest.raises(gnn.InputError, match="/model/again is a second link to /model"):
        read(path)


def test_what_would_be_looked_through_for_hours_is_not(file):
    """Groups that are found in 100**20 ways, and collections of texts in collections of texts, each of which was read
    to the end of the file."""
    path = file("ensemble")
    with h5py.File(path, "r+") as opened:
        group = opened
        for n in range(20):
            below = opened.create_group(f"level{n}")
            for name in range(100):
                group[f"{name}"] = below
            group = below
    signal.alarm(20)
    with pytest.raises(gnn.InputError, match="is a second link to"):
        read(path)
    size = 1 << 22
    many = b"".join(
        struct.pack("<8sQHH4xQ", b"GCOL\x01\0\0\0", size - start, 0, 0, size - start - 16)
        for start in range(0, size, 32)
    )
    path.write_bytes(many)
    with pytest.raises(gnn.InputError, match="is not a readable HDF5 file"):
        gnn.open_run(path)
    signal.alarm(0)


def test_files_of_a_sweep_are_in_its_folder(tmp_path):
    gnn.sweep(NET, {"volume": [1.0, 2.0]}, t_end=1.0, n_points=2, seed=1, output=tmp_path / "sweep")
    table, name = tmp_path / "sweep" / "table.csv", sorted((tmp_path / "sweep").glob("*.h5"))[0].name
    gnn.simulate(NET, 1.0, 2, seed=1, output=tmp_path / "mine.h5").close()
    text = table.read_text()
    for other in ("../mine.h5", str(tmp_path / "mine.h5"), "..", ""):
        table.write_text(text.replace(name, other))
        with pytest.raises(gnn.InputError, match="expected a file in the same folder"):
            gnn.open_sweep(tmp_path / "sweep")
    for broken in (text.replace("row,", "line,"), text + "7\n", text + "\0\n", text + '"' + "x" * 200_000 + '"\n'):
        table.write_text(broken)
        with pytest.raises(gnn.InputError):
            gnn.open_sweep(tmp_path / "sweep")


@pytest.mark.parametrize(
    "name, values, what",
    [
        ("observable", np.arange(1), "observable has dtype int64, expected string"),
        ("observables", np.zeros((7, 9, 1)), r"observables has shape \(7, 9, 1\), expected replicate = 4"),
        ("covariance", np.zeros((4, 9)), "covariance has shape"),
        ("reaction", np.arange(2.0), "reaction has dtype float64"),
        ("training", np.arange(2.0), ""),
    ],
)
def test_what_an_older_version_did_not_have_is_checked_all_the_same(file, name, values, what):
    path = file("ensemble")
    with h5py.File(path, "r+") as opened:
        opened.attrs["version"] = np.array([1, 0])
        if name in opened:
            del opened[name]
        opened[name] = values
    if what:
        refused(path, what)
    else:  # of another kind of run: of no account
        assert len(read(path)) == 4


def swap(opened, name):
    names = opened[name].asstr()[:]
    opened[name][:] = np.roll(names, 1).tolist()


def other_change(opened, name):
    opened[name][0, 2] += 1


def one_less(opened, name):
    values = opened[name][:-1]
    units = dict(opened[name].attrs).get("units")
    del opened[name]
    opened[name] = values
    if units:
        opened[name].attrs["units"] = units


@pytest.mark.parametrize(
    "kind, change, name",
    [
        ("ensemble", swap, "species"),
        ("ensemble", swap, "model/reactions"),
        ("ensemble", swap, "reaction"),
        ("ensemble", swap, "observable"),
        ("ensemble", other_change, "model/stoichiometry"),
        ("ensemble", one_less, "model/rates"),
        ("ensemble", one_less, "model/initial"),
        ("training", swap, "species"),
        ("training", lambda o, n: o[n].__setitem__(0, "W9_0_0"), "training/weight"),
        ("moments", swap, "quantity"),
        ("moments", swap, "model/reactions"),
    ],
)
def test_names_that_are_not_those_of_the_model_are_refused(file, kind, change, name):
    """Quantities of moments were compared before; a file without observables has none to swap."""
    path = file(kind)
    with h5py.File(path, "r+") as opened:
        if name == "observable":
            opened[name][:] = ["sum"] * len(opened[name])
        else:
            change(opened, name)
    refused(path, "the model|expected .* =")


BAD = ("=cmd|' /C calc'!A0", "+A", "-A", "@A", "\tA", ESCAPE, "A,B", "A\r\nB", "", "9A", "\u202eA")
NAMED = (
    ("ensemble", "species"), ("ensemble", "observable"), ("ensemble", "model/reactions"),
    ("training", "training/weight"), ("moments", "quantity"), ("bounds", "quantity"),
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("kind, name", NAMED)
def test_names_are_identifiers(file, kind, name, bad):
    path = file(kind)
    with h5py.File(path, "r+") as opened:
        opened[name][0] = bad
    with pytest.raises(gnn.InputError) as found:
        read(path)
    assert all(line.isprintable() for line in str(found.value).splitlines())


def test_nothing_that_a_terminal_obeys_comes_out_of_a_file(file, tmp_path, capfd):
    for kind in ("ensemble", "training", "moments"):
        path = file(kind)
        with h5py.File(path, "r+") as opened:
            for name in ("method_reason", "software_version", "method", "case"):
                if name in opened.attrs:
                    opened.attrs[name] = opened.attrs[name] + ESCAPE
            if kind != "moments":
                opened["committed"][0] = 0
        for command in (["analyze"], ["analyze", "--cite"], ["resume"], ["report", "--overwrite"], ["repair"]):
            main([*command, str(path)])
        with h5py.File(path, "r+") as opened:
            text = opened["model/text"][:].tobytes().replace(b"@", b"@ \x1b[2J", 1)
            del opened["model/text"]
            opened["model/text"] = np.frombuffer(text, dtype=np.uint8)
        assert main(["analyze", str(path)]) == 2
    said = "".join(capfd.readouterr())
    assert "method rejection" in said and not {"\x1b", "\x07", "\x9b"} & set(said)


FULL = """
import resource, shutil, sys
import gillespie_nn as gnn
from gillespie_nn.cli import main

what, path, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
if what in ("moments", "quantiles", "trajectories"):
    words = ["simulate", "model.txt", "--t-end", "20", "--n-points", "3000", "--replicates", "20", "--seed", "1",
             "--method", "direct", "--record", what, "--output"]
    main([*words, "warm.h5"])  # compiles
    words += [path, "--overwrite"]
elif what == "training":
    words = ["train", "xor", "--presentations", "3", "--method", "rejection", "--volume", "50", "--output"]
    main([*words, "warm_training.h5"])
    words += [path, "--overwrite"]
elif what == "repair":
    words = ["repair", path]
elif what == "report":
    words = ["report", "runs.h5", "--output", path, "--overwrite"]
elif what == "figure":
    words = ["analyze", "runs.h5", "--figure", path, "--overwrite"]
elif what == "bounds":
    words = ["verify-bounds", "--proposition", "5.1", "--paths", "20", "--looks", "1", "--output", path]
else:
    words = ["export", "runs.h5", "--to", what, "--output", path, "--overwrite"]
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(main(words))
"""
"""A command that can write no file of more than so many bytes: as on a full disk, a write fails in the middle."""


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    (folder / "model.txt").write_text("0 -> A @ 50\nA -> 0 @ 0.5\n0 -> B @ 10\nB -> 0 @ 1")
    network = gnn.ReactionNetwork.from_text((folder / "model.txt").read_text())
    gnn.simulate(network, 20.0, 3000, replicates=4, seed=1, output=folder / "runs.h5").close()
    return folder


WRITTEN = ("moments", "quantiles", "trajectories", "training", "repair", "bounds", "csv", "netcdf", "report", "figure")


@pytest.mark.parametrize("what, limit", [*((w, 9000) for w in WRITTEN), ("moments", 0), ("trajectories", 60_000)])
def test_a_full_disk_is_a_sentence_and_what_was_there_stays(full, what, limit):
    """Those in HDF5 ended in a signal before, of trajectories as the file was begun; reports and figures were cut."""
    pytest.importorskip("resource")
    if what == "netcdf":
        pytest.importorskip("h5netcdf")
    if what in ("report", "figure"):
        pytest.importorskip("matplotlib")
    endings = {"csv": "csv", "netcdf": "nc", "report": "html", "figure": "png"}
    path = full / f"{what}{limit}.{endings.get(what, 'h5')}"
    if what == "repair":
        left = max(make_golden.INTERRUPTED.glob("*-training.h5"))
        shutil.copy(left, path)
    elif what != "bounds":
        path.write_bytes(b"mine")
    before = path.read_bytes() if path.exists() else None
    words = [sys.executable, "-c", FULL, what, path.name, str(limit)]
    child = subprocess.run(words, cwd=full, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert child.returncode == 3, child.stderr
    assert "cannot write" in child.stderr and "Traceback" not in child.stderr and len(child.stderr) < 500
    if (what, limit) == ("trajectories", 60_000):  # a run that has begun has taken the place
        with gnn.open_run(path) as run:
            assert not run.ended and run.method == "direct"
        return
    assert (path.read_bytes() if path.exists() else None) == before
    assert not [p for p in full.iterdir() if p.name.startswith(f".{path.name}")]


def test_links_planted_under_the_names_of_parts_are_not_written_through(tmp_path, full):
    victim, made = tmp_path / "victim", full / "runs.h5"
    shutil.copy(max(make_golden.INTERRUPTED.glob("*-ensemble.h5")), tmp_path / "r.h5")
    acts = {
        "e.h5": lambda path: gnn.simulate(NET, 1.0, 2, seed=1, output=path).close(),
        "m.h5": lambda path: gnn.simulate(NET, 1.0, 2, seed=1, record="moments", output=path),
        "r.h5": repair,
        "x.csv": lambda path: export(made, "csv", path),
        "b.h5": lambda path: bounds_file.write_bounds(path, {}, _bounds()),
        "p.h5": lambda path: training_file.write(path, {}, "regression", np.zeros((1, 1)), np.zeros((1, 1))),
    }
    for name, act in acts.items():
        victim.write_bytes(b"mine")
        for middle in ("", f".{os.getpid()}", ".repaired"):
            (tmp_path / f".{name}{middle}.part").symlink_to(victim)
        act(tmp_path / name)
        assert victim.read_bytes() == b"mine", name
        assert (tmp_path / name).exists() and not (tmp_path / name).is_symlink()


def _bounds():
    with h5py.File(max(make_golden.FINISHED.glob("*-bounds.h5"))) as opened:
        return {name: item.asstr()[:] if name == "quantity" else item[()] for name, item in opened.items()}


def test_what_killed_processes_left_is_cleared_away(tmp_path):
    (tmp_path / f".e.h5.{'0' * 16}.part").write_bytes(b"")
    others = [tmp_path / name for name in (".e.h5.mine.part", ".other.h5.0123456789abcdef.part", "e.part")]
    for other in others:
        other.write_bytes(b"")
    gnn.simulate(NET, 1.0, 2, seed=1, output=tmp_path / "e.h5").close()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["e.h5", *(p.name for p in others)])


def test_a_link_or_a_pipe_in_the_place_of_a_lock_does_no_harm(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "e.h5"
    (tmp_path / ".e.h5.lock").symlink_to(victim)
    for record in ("trajectories", "moments"):
        with pytest.raises(gnn.InputError, match="is a symbolic link: remove it"):
            gnn.simulate(NET, 1.0, 2, seed=1, record=record, output=path)
    assert not victim.exists() and not path.exists()
    (tmp_path / ".e.h5.lock").unlink()
    gnn.simulate(NET, 1.0, 2, seed=1, output=path).close()
    os.mkfifo(tmp_path / ".e.h5.lock")
    signal.alarm(20)  # it waited for ever
    gnn.open_run(path).close()
    signal.alarm(0)


NO_LOCKS = "#include <errno.h>\nint flock(int fd, int op) { (void)fd; (void)op; errno = ENOLCK; return -1; }\n"


@pytest.mark.skipif(shutil.which("cc") is None or sys.platform != "linux", reason="needs a C compiler and LD_PRELOAD")
def test_a_file_system_without_locks_will_do(tmp_path):
    (tmp_path / "nolocks.c").write_text(NO_LOCKS)
    library = tmp_path / "nolocks.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "nolocks.c"], check=True)
    (tmp_path / "model.txt").write_text("0 -> A @ 5\nA -> 0 @ 0.5")
    for name in ("ensemble", "training", "moments"):
        shutil.copy(max(make_golden.INTERRUPTED.glob(f"*-{name}.h5")), tmp_path / f"{name}.h5")
    shutil.copy(tmp_path / "ensemble.h5", tmp_path / "again.h5")
    simulate = ["simulate", "model.txt", "--t-end", "5", "--seed", "1", "--method", "direct", "--output"]
    commands = [
        [*simulate, "e.h5"], [*simulate, "m.h5", "--replicates", "20", "--record", "moments"], ["analyze", "e.h5"],
        ["resume", "ensemble.h5"], ["resume", "training.h5"], ["resume", "moments.h5"], ["repair", "again.h5"],
        ["analyze", "again.h5"], ["export", "e.h5", "--to", "csv"],
    ]  # fmt: skip
    script = f"import sys; from gillespie_nn.cli import main; sys.exit(max(map(main, {commands!r})))"
    environment = os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": str(ROOT)}
    child = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert child.returncode in (0, 3) and "cannot" not in child.stderr, child.stderr  # 3: of a run cut short by events


CANNOT_BE = (
    ("a\0b.h5", "NUL character"), ("x" * 300 + ".h5", "too long"), ("y" * 245 + ".h5", "too long"),
    ("z/" * 3000, "too long"), ("\ud800.h5", "not allowed in a file name"), ("", "the path of a"),
)  # fmt: skip


@pytest.mark.parametrize("name, what", CANNOT_BE, ids=range(len(CANNOT_BE)))
def test_names_of_files_that_cannot_be_are_sentences(tmp_path, monkeypatch, name, what):
    monkeypatch.chdir(tmp_path)
    acts = [
        lambda: gnn.simulate(NET, 1.0, 2, seed=1, output=name),
        lambda: gnn.simulate(NET, 1.0, 2, seed=1, record="moments", output=name),
        lambda: export(max(make_golden.FINISHED.glob("*-ensemble.h5")), "csv", name),
    ]
    if not name.startswith("y"):  # that could be there
        acts += [lambda: gnn.open_run(name), lambda: gnn.open_moments(name), lambda: gnn.resume(name),
                 lambda: repair(name), lambda: next(follow(name, 1.0))]  # fmt: skip
    for act in acts:
        with pytest.raises(gnn.InputError, match=what):
            act()
    assert list(tmp_path.iterdir()) == []


def test_the_home_folder_is_meant_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    gnn.simulate(NET, 1.0, 2, seed=1, output="~/runs/e.h5").close()
    gnn.simulate(NET, 1.0, 2, seed=1, record="moments", output="~/m.h5")
    gnn.sweep(NET, {"volume": [1.0, 2.0]}, t_end=1.0, n_points=2, seed=1, output="~/sweep")
    with gnn.open_run("~/runs/e.h5") as run:
        assert run.path == home / "runs/e.h5"
    assert gnn.open_moments("~/m.h5").ended and len(gnn.open_sweep("~/sweep")) == 2
    assert [look.ended for look in follow("~/m.h5", 1.0)] == [True]
    assert main(["export", "~/runs/e.h5", "--to", "csv"]) == 0 and (home / "runs/e.csv").exists()
    assert main(["report", "~/runs/e.h5"]) == 0 and (home / "runs/e.html").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["home"]
    with pytest.raises(gnn.InputError, match="is a folder: name a file in it"):
        gnn.simulate(NET, 1.0, 2, seed=1, output="~/")


def _go_on(path):
    if path.exists():
        gnn.resume(path)
    else:
        make_golden.quantiles(path)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_moments_that_are_killed_at_random_moments_become_those_of_an_uninterrupted_run(tmp_path, monkeypatch):
    """The moments are the machine's; the content must not be. (It held before, but for what the killed ones left.)"""
    began = time.perf_counter()
    make_golden.quantiles(tmp_path / "whole.h5")
    seconds = 0.05 + time.perf_counter() - began
    monkeypatch.setattr(moments_file, "_SECONDS", -1.0)  # written whenever something is new
    monkeypatch.setattr(MomentsFile, "_pause", property(lambda self: -1.0, lambda self, pause: None), raising=False)
    rng, path, n_killed = np.random.default_rng(), tmp_path / "m.h5", 0
    for attempt in range(100):
        process = multiprocessing.get_context("fork").Process(target=_go_on, args=(path,))
        process.start()
        process.join(seconds * rng.uniform(0.0, 0.3 + 0.2 * attempt))  # later and later, so that it ends
        if not process.is_alive():
            assert process.exitcode == 0
            break
        process.kill()
        process.join()
        n_killed += 1
        if path.exists():
            gnn.open_moments(path)  # whole at any moment
    whole, found = gnn.open_moments(tmp_path / "whole.h5"), gnn.open_moments(path)
    assert n_killed and found.ended
    np.testing.assert_array_equal(found.n, whole.n)
    for name in ("mean", "variance", "minimum", "maximum"):
        np.testing.assert_array_equal(getattr(found, name)(), getattr(whole, name)())
    np.testing.assert_array_equal(found.quantile(0.5), whole.quantile(0.5))
    assert not [p for p in tmp_path.iterdir() if p.name.endswith(".part")]


WRITER = """
import sys, time
import gillespie_nn as gnn
net = gnn.ReactionNetwork.from_text("0 -> A @ 5\\nA -> 0 @ 0.5")
gnn.simulate(net, 1.0, 2, seed=0, method="direct")
print("ready", flush=True)
sys.stdin.readline()
record, path, overwrite = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
gnn.simulate(net, 200.0, 200, replicates=400, seed=1, method="direct", record=record, output=path, overwrite=overwrite)
"""


@pytest.mark.parametrize("record, overwrite", [("trajectories", False), ("quantiles", True)])
def test_of_two_writers_one_writes_and_the_other_says_so(tmp_path, record, overwrite):
    """Begun at the same moment, on one name. (The file was whole before, too; without `overwrite` the second could
    replace what the first had just made.)"""
    path = tmp_path / "x.h5"
    words = [sys.executable, "-c", WRITER, record, str(path), str(overwrite)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    children = [subprocess.Popen(words, stdin=-1, stdout=-1, stderr=-1, text=True, env=environment) for _ in range(2)]
    for child in children:
        child.stdout.readline()
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    errors = [child.communicate()[1] for child in children]
    codes = [child.returncode for child in children]
    assert 0 in codes
    if not overwrite:
        assert codes.count(0) == 1
    for code, error in zip(codes, errors):
        assert code == 0 or "is being written by another process" in error or "exists" in error
    with gnn.open_run(path) as run:
        assert run.ended and run.complete
    assert [p.name for p in tmp_path.iterdir()] == ["x.h5"]


def test_what_unpacks_to_more_than_it_says_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setenv("GILLESPIE_NN_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    header = {"images": struct.pack(">BBBB3I", 0, 0, 8, 3, 2, 28, 28), "labels": struct.pack(">BBBBI", 0, 0, 8, 1, 2)}
    body = {"images": bytes(2 * 784), "labels": bytes(2)}
    for name in cases.FILES:
        kind = "images" if "images" in name else "labels"
        (tmp_path / "mnist" / name).write_bytes(gzip.compress(header[kind] + body[kind]))
    cases.MNIST().load(0)
    first = tmp_path / "mnist" / next(iter(cases.FILES))
    block = gzip.compress(bytes(1 << 24), 9)
    huge = struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 4)
    for data, what in (
        (gzip.compress(header["images"]) + 200 * block, "contains more"),  # 3.4 GB in 3 MB
        (gzip.compress(huge) + block, "the limit is 1073741824"),
        (gzip.compress(header["images"]) + gzip.compress(b"abc"), "but contains 3"),
    ):
        first.write_bytes(data)
        cases._read.cache_clear()
        began = time.monotonic()
        with pytest.raises(gnn.InputError, match=what):
            cases.MNIST().load(0)
        assert time.monotonic() - began < 5.0
    cases._read.cache_clear()


GENERATORS = (hostile_files._older, hostile_files._elsewhere, hostile_files._name, hostile_files._terminal,
              hostile_files._twice)  # fmt: skip


@pytest.mark.parametrize("change", GENERATORS)
def test_generators_of_hostile_files_change_them(tmp_path, change):
    """Each can be applied to each kind of file that has what it changes."""
    hostile_files.make_originals(tmp_path)
    paths = sorted(tmp_path.glob("*.h5"))
    assert len(paths) >= 4
    for n, path in enumerate(paths):
        if change is hostile_files._name and path.stem == "prediction":
            continue
        before, rng = path.read_bytes(), np.random.default_rng(n)
        with h5py.File(path, "r+") as opened:
            name = "targets" if path.stem == "prediction" else "size" if path.stem == "bounds" else "time"
            change(opened, name, rng)
        assert path.read_bytes() != before
        hostile_files._refused(hostile_files._read, path)
