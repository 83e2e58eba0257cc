"""MNIST from files of a user's own: small ones in the same format, missing ones, damaged ones, and the real ones."""

import gzip
import struct

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.datasets import case, cases, data_folder
from gillespie_nn.datasets.cases import FILES, VARIABLE


def _write(folder, n_train=20, n_test=8, side=5):
    rng = np.random.default_rng(1)
    (folder / "mnist").mkdir()
    arrays = []
    for n in (n_train, n_test):
        arrays += [rng.integers(0, 256, (n, side, side)), rng.integers(0, 10, n)]
    for name, array in zip(FILES, arrays, strict=True):
        head = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape)
        (folder / "mnist" / name).write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))
    return arrays


def test_files_of_the_format_become_concentrations_with_a_notice(tmp_path, monkeypatch):
    arrays = _write(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    data = case("mnist").load(0)
    np.testing.assert_array_equal(data.train_x, arrays[0].reshape(20, 25) / 255)
    np.testing.assert_array_equal(np.argmax(data.test_t, axis=1), arrays[3])
    assert "not the published file" in data.notice and set(data.checksums) == set(FILES)
    fit = gnn.train(
        "mnist", volume=30.0, limit=2, running_time=1.0, hold=0.0, seed=1, hidden=(3,), batch=1, method="tau_leap"
    )
    assert fit.plan.spec.layers == (25, 3, 10) and len(fit.plan.dataset.test_x) == 8


def test_the_command_says_the_notice(tmp_path, monkeypatch, capsys):
    _write(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    command = [
        "train",
        "mnist",
        "--volume",
        "30",
        "--limit",
        "1",
        "--running-time",
        "1",
        "--hold",
        "0",
        "--hidden",
        "2",
        "--seed",
        "1",
        "--batch",
        "1",
        "--method",
        "tau_leap",
    ]
    assert main(command) == 0
    assert "not the published file" in capsys.readouterr().out


def test_without_the_files_one_sentence_says_how_to_get_them(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(cases, "user_data_path", lambda *_, **__: tmp_path)
    assert main(["train", "mnist"]) == 2
    error = capsys.readouterr().err
    assert VARIABLE in error and "`gillespie-nn fetch-data`" in error and len(error.splitlines()) == 1
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(InputError, match="lacks train-images"):
        case("mnist").load(0)


@pytest.mark.parametrize(
    "content",
    [b"", b"not gzip", gzip.compress(b"ab"), gzip.compress(bytes([0, 0, 9, 3] + [0] * 12))],
    ids=["empty", "not gzip", "too short", "other numbers"],
)
def test_a_damaged_file_is_named(tmp_path, monkeypatch, content):
    _write(tmp_path)
    name = next(iter(FILES))
    (tmp_path / "mnist" / name).write_bytes(content)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(InputError, match=name):
        case("mnist").load(0)


needs_files = pytest.mark.skipif(
    not (data_folder() / "mnist").is_dir(), reason=f"MNIST is not here: no mnist/ in {data_folder()}"
)
# Chance is 0.1 on the 10,000 test images, with a standard deviation of 0.003 for guesses; untrained networks lie
# between 0.03 and 0.2.


@needs_files
def test_molecules_learn_digits():
    """The first 200 images one by one, molecule by molecule at Omega = 60."""
    fit = gnn.train(
        "mnist", method="layered", volume=60.0, limit=200, seed=0, hidden=(32,), batch=1, centred=False, h=0.25,
        learning_schedule="constant", learning_rate=0.0025, running_time=12.0, hold=8.0, initial_scale=0.5,
        output_activation="linear", annihilation_rate=20.0,
    )  # fmt: skip
    assert fit.plan.spec.layers == (784, 32, 10)
    assert fit.accuracy > 0.3


@needs_files
def test_batches_learn_digits_and_molecules_read_them():
    """20 presentations of 128 images, shifted by a pixel, at Omega = 1e4."""
    fit = gnn.train("mnist", quick=True, presentations=20, shift=1, seed=0, predict=500)
    assert fit.plan.spec.layers == (784, 128, 10) and not fit.spec.listed
    assert fit.plan.learner.method_reason == "default of the case"
    assert fit.accuracy > 0.6 and fit.scores["accuracy_chemical_moment"] > 0.5
