"""Files of killed writers: an ensemble is resumed, `repair` keeps what is committed, and a full disk is no crash."""

import json
import shutil
import signal
import sys

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.storage import hdf5_bytes
from gillespie_nn.storage.hdf5 import Lock
from gillespie_nn.storage.open import repair
from helpers.golden_files import GOLDEN
from helpers.paths import ROOT
from helpers.processes import child
from helpers.run_files import NET, RUN, content

_KILLED = """
import os, signal, sys
import gillespie_nn as gnn
from gillespie_nn.storage import EnsembleFile
from helpers.run_files import NET, RUN

finish = EnsembleFile.finish

def killed(self, replicate, *more):
    if replicate == 3:
        self.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    finish(self, replicate, *more)

EnsembleFile.finish = killed
gnn.simulate(NET, 5.0, 11, output=sys.argv[1], **RUN)
"""
"""A process that ends by SIGKILL with the rows of replicate 3 written, and not committed."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    path = tmp_path_factory.mktemp("killed") / "killed.h5"
    assert child(_KILLED, path).returncode == -signal.SIGKILL
    return path


@pytest.fixture
def cut(killed, tmp_path):
    return shutil.copy(killed, tmp_path / "cut.h5")


def test_an_ensemble_goes_on_to_the_content_of_an_uninterrupted_one(cut, tmp_path, capsys):
    gnn.simulate(NET, 5.0, 11, output=tmp_path / "whole.h5", **RUN).close()
    with gnn.open_run(cut) as run:
        assert run.committed.tolist() == [True, True, True, False, False]
        with gnn.open_run(tmp_path / "whole.h5") as whole:
            np.testing.assert_array_equal(run.counts[:], whole.counts[:3])
    assert main(["resume", str(cut), "--workers", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["had_ended"] is False
    assert content(cut) == content(tmp_path / "whole.h5")
    assert main(["resume", str(cut)]) == 0
    assert "has ended, so there is nothing to resume" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.h5", "whole.h5"]


def test_a_repaired_file_opens_anywhere_and_goes_on(cut, tmp_path, capsys):
    with pytest.raises(OSError, match="already open for write"):
        h5py.File(cut, "r")
    with gnn.open_run(cut) as run:
        before = run.counts[:]
    assert main(["repair", str(cut)]) == 0
    said = capsys.readouterr().out
    assert "3 of 5 replicates were saved" in said and f"gillespie-nn resume {cut}" in said
    with h5py.File(cut, "r") as file:
        assert (file["counts"][3:] == -1).all()
        assert [d.keys() for d in file["counts"].dims] == [["replicate"], ["time"], ["species"]]
    with gnn.open_run(cut) as run:
        np.testing.assert_array_equal(run.counts[:], before)
    gnn.resume(cut).close()
    gnn.simulate(NET, 5.0, 11, output=tmp_path / "whole.h5", **RUN).close()
    assert content(cut) == content(tmp_path / "whole.h5")
    repaired = cut.read_bytes()
    assert repair(cut)["repaired"] is False and cut.read_bytes() == repaired
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.h5", "whole.h5"]


@pytest.mark.parametrize("whole", [GOLDEN[name] for name in ("1.0-training", "1.5-training", "1.5-ensemble")])
def test_a_file_that_another_program_left_open_keeps_its_content(whole, tmp_path):
    path = shutil.copy(whole, tmp_path / "x.h5")
    code = "import h5py, os, sys; f = h5py.File(sys.argv[1], 'r+', libver='v110'); f.flush(); os._exit(0)"
    assert child(code, path).returncode == 0
    with pytest.raises(gnn.InputError, match="make the file readable with gillespie-nn repair"):
        gnn.open_run(path)
    assert repair(path)["repaired"]
    assert str(content(path)) == str(content(whole))


def test_replicates_that_cannot_be_read_are_simulated_again(tmp_path):
    path = tmp_path / "x.h5"
    gnn.simulate(NET, 5.0, 101, output=path, **RUN | {"replicates": 300}).close()
    whole = content(path)
    with h5py.File(path, "r") as file:
        together = file["counts"].chunks[0]
        chunk = file["counts"].id.get_chunk_info_by_coord((together, 0, 0))
    assert 1 < together < 100
    with open(path, "rb+") as file:
        file.seek(chunk.byte_offset)
        file.write(bytes(chunk.size))
    found = repair(path)
    assert found["lost"] == list(range(together, 2 * together)) and found["kept"] == 300 - together
    gnn.resume(path).close()
    assert content(path) == whole


def test_nothing_is_repaired_that_is_being_written_or_is_no_run_file(cut, tmp_path):
    before = cut.read_bytes()
    lock = Lock(cut)
    with pytest.raises(gnn.InputError, match="is being written by another process"):
        repair(cut)
    lock.release()
    (tmp_path / "other.h5").write_bytes(b"hello")
    with pytest.raises(gnn.InputError, match="not a readable HDF5 file"):
        repair(tmp_path / "other.h5")
    (tmp_path / "short.h5").write_bytes(before[: len(before) // 2])
    with pytest.raises(gnn.InputError, match="short.h5"):
        repair(tmp_path / "short.h5")
    assert cut.read_bytes() == before


def test_the_checksum_of_a_superblock_is_hdf5s():
    path = ROOT / "tests" / "golden" / "1.5-ensemble.h5"
    head = path.read_bytes()[:64]
    assert hdf5_bytes.marks(path) == (False, False) and hdf5_bytes.closed(head, path.stat().st_size) == head[:48]
    assert hdf5_bytes.lookup3(b"Four score and seven years ago") == 0x17770551  # Jenkins's own example
    assert hdf5_bytes.marks(__file__) == (False, False)


_FULL = """
import os, resource, signal, sys
import gillespie_nn as gnn
from gillespie_nn.cli import run

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
run()
"""
"""A command that may write no file above a size; as on a full disk, a write then fails in the middle."""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes")
@pytest.mark.parametrize("kind", ["ensemble", "training"])
def test_a_disk_that_fills_up_is_a_sentence_and_leaves_a_readable_file(kind, tmp_path):
    path, model = tmp_path / "x.h5", tmp_path / "model.txt"
    model.write_text("0 -> A @ 100\nA -> 0 @ 1\nA = 100\n")
    command = ["simulate", model, "--t-end", 5, "--n-points", 5001, "--replicates", 2000, "--method", "direct"]
    if kind == "training":
        command = [
            "train",
            "xor",
            "--volume",
            20,
            "--presentations",
            4000,
            "--running-time",
            0.5,
            "--method",
            "rejection",
        ]
    limit = {"ensemble": 1_300_000, "training": 150_000}[kind]  # one group of replicates, and not all
    found = child(_FULL, limit, *command, "--seed", 1, "--output", path)
    assert found.returncode == 3, found.stderr
    assert f"cannot write {path}: File too large; what is already committed stays readable" in found.stderr
    assert "Traceback" not in found.stderr and "ignored" not in found.stderr
    with gnn.open_run(path) as run:
        assert run.counts[:].size and (run.counts[:] >= 0).all()
        n = len(run.weights) if kind == "training" else len(run.counts)
        assert 0 < n < {"ensemble": 2000, "training": 4000}[kind]
    repair(path)
    assert main(["resume", str(path)]) == 0
    with gnn.open_run(path) as run:
        assert run.complete
