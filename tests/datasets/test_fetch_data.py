"""Fetching data from a server on this machine: right, wrong, broken off and absent files; nothing half done is kept."""

import gzip
import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from gillespie_nn.checks import UnfinishedError
from gillespie_nn.cli import main
from gillespie_nn.datasets import CASES, case, cases, fetch
from gillespie_nn.datasets.cases import FILES, MNIST, VARIABLE

pytest.importorskip("pooch")


def _idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def published(monkeypatch):
    """Small files of the format, by name, taken to be the published ones."""
    rng = np.random.default_rng(1)
    arrays = [rng.integers(0, 256, (20, 5, 5)), np.arange(20) % 10, rng.integers(0, 256, (8, 5, 5)), np.arange(8)]
    contents = dict(zip(FILES, map(_idx, arrays), strict=True))
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(MNIST, "files", sums)
    monkeypatch.setattr("gillespie_nn.datasets.cases.FILES", sums)
    return contents


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, contents):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contents, self.cut, self.asked = dict(contents), {}, []
        self.url = f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path[1:]
        self.server.asked.append(name)
        if name not in self.server.contents:
            return self.send_error(404)
        content = self.server.contents[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        times = self.server.cut.get(name, 0)
        self.server.cut[name] = max(0, times - 1)
        self.wfile.write(content[: len(content) // 2] if times else content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(published, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = _Server(published)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The user's data folder, of which no variable is set."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(cases, "user_data_path", lambda *_, **__: tmp_path / "own")
    return tmp_path / "own" / "mnist"


def _fetch(server, *more):
    return main(["fetch-data", "mnist", "--source", server.url, *more])


def test_train_finds_what_was_fetched_to_the_default_folder(server, folder, published, capsys):
    assert main(["train", "mnist"]) == 2
    assert "gillespie-nn fetch-data" in capsys.readouterr().err
    assert _fetch(server, "--json") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out.splitlines()[-1])
    assert found["found_by_train"] and [f["status"] for f in found["files"]] == ["fetched"] * 4
    assert {f["name"]: f["sha256"] for f in found["files"]} == MNIST.files
    assert captured.err == ""  # within a second, and where nobody looks
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == published
    data = case("mnist").load(0)
    assert data.train_x.shape == (20, 25) and not data.notice


def test_right_files_are_kept_and_asked_of_no_one(server, folder, capsys):
    assert _fetch(server) == 0
    (folder / next(iter(FILES))).unlink()
    server.asked.clear()
    assert _fetch(server, "--json") == 0
    statuses = [f["status"] for f in json.loads(capsys.readouterr().out.splitlines()[-1])["files"]]
    assert statuses == ["fetched", "kept", "kept", "kept"] and server.asked == [next(iter(FILES))]


def test_another_folder_is_said_to_need_the_variable(server, folder, tmp_path, capsys):
    assert _fetch(server, "--output", str(tmp_path / "else")) == 0
    assert f"{VARIABLE}={tmp_path / 'else'}" in capsys.readouterr().out


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(server, folder, capsys):
    name = list(FILES)[1]
    server.contents[name] = server.contents[name][:-1] + b"x"
    assert _fetch(server) == 3
    error = capsys.readouterr().err.splitlines()[-1]
    assert name in error and "wrong SHA-256" in error and server.url in error
    assert [path.name for path in folder.iterdir()] == [next(iter(FILES))]


def test_a_transfer_that_breaks_off_is_tried_again_and_leaves_nothing(server, folder, capsys):
    name = next(iter(FILES))
    server.cut[name] = 1
    assert _fetch(server) == 0
    assert server.asked.count(name) == 2
    (folder / name).unlink()
    server.cut[name] = 10
    assert _fetch(server) == 3
    assert "was interrupted" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == sorted(list(FILES)[1:])


def test_a_partial_file_of_anothers_making_is_replaced_only_if_told_so(server, folder, published, capsys):
    name = next(iter(FILES))
    folder.mkdir(parents=True)
    (folder / name).write_bytes(published[name][:50])
    assert _fetch(server) == 2
    assert "--overwrite" in capsys.readouterr().err and not server.asked
    assert _fetch(server, "--overwrite") == 0
    assert (folder / name).read_bytes() == published[name]


def test_a_mirror_takes_over(server, folder, monkeypatch):
    monkeypatch.setattr(MNIST, "sources", (f"{server.url}gone/", "http://127.0.0.1:9/", server.url))
    contents = dict(server.contents)
    server.contents.clear()
    with pytest.raises(UnfinishedError, match="HTTP status 404.*no connection.*HTTP status 404"):
        fetch(case("mnist"))
    server.contents.update(contents)
    assert [f["status"] for f in fetch(case("mnist"))] == ["fetched"] * 4
    assert server.asked[-2:] == [f"gone/{list(FILES)[3]}", list(FILES)[3]]


def test_offline_is_one_sentence(folder, published, monkeypatch, capsys):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert main(["fetch-data", "--source", "http://127.0.0.1:9/"]) == 3  # the port of nobody
    error = capsys.readouterr().err
    assert "no connection" in error and "offline" in error and len(error.splitlines()) == 1


def test_without_pooch_one_sentence_names_the_install_command(folder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert main(["fetch-data"]) == 2
    error = capsys.readouterr().err
    assert "pip install pooch scikit-learn" in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["iris"], "needs no files"),
        (["mnits"], "did you mean 'mnist'"),
        (["--source", "mirror/mnist"], "must be a URL"),
        (["--source", "http://"], "must be a URL"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, what, folder, capsys):
    assert main(["fetch-data", *arguments]) == 2
    error = capsys.readouterr().err
    assert what in error and len(error.splitlines()) == 1


def test_every_case_with_files_says_where_they_are():
    for chosen in CASES:
        assert bool(chosen.files) == bool(chosen.sources)
        assert all(source.startswith("https://") and source.endswith("/") for source in chosen.sources)
        assert all(len(digest) == 64 for digest in chosen.files.values())
