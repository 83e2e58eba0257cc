"""Films of learning: the frames show the weights and outputs of the records, and every axis has its name."""

import json

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InputError
from gillespie_nn.cli import main
from gillespie_nn.display.figures import film_path, new_figure, save_film

image = pytest.importorskip("PIL.Image")
HOW = {"running_time": 2.0, "volume": 100.0, "seed": 1, "progress": False}


def _digits():
    """Images of 8 x 8 pixels of three classes."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.0, 1.0, (60, 64))
    return gnn.Dataset.from_arrays(x, np.array(["a", "b", "c"])[np.arange(60) % 3])


def _products():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, (60, 2))
    return gnn.Dataset.from_arrays(x, np.column_stack([x[:, 0] * x[:, 1], x[:, 0]]))


@pytest.fixture(scope="module")
def fit(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "xor.h5"
    return gnn.train("xor", presentations=30, learning_rate=0.2, output=path, **HOW)


def _drawn(fit, frames=5):
    film, figure = fit._film(frames), new_figure()
    return film, figure, film.draw(figure)


def test_frames_are_records_of_the_run_from_before_training_to_the_end(fit):
    film = fit._film(5)
    assert film.presentation.tolist()[0] == 0 and film.presentation[-1] == 30 and len(film.presentation) == 5
    assert np.array_equal(film.weights[0], fit.plan.learner.initial_weights)
    # Averages over the last presentations, up to the rounding of their sums.
    assert film.weights[-1] == pytest.approx(fit.weights) and film.outputs[-1] == pytest.approx(fit.outputs)
    assert film.score[[0, -1]] == pytest.approx([fit.scores["rmse_before"], fit.scores["rmse"]])
    assert sum(film.groups.values()) == len(fit.weights) and list(film.groups) == ["W1", "B1", "W2", "B2"]


def test_a_frame_shows_its_weights_score_and_outputs(fit):
    film, figure, change = _drawn(fit)
    weights, curve, outputs = figure.axes
    for k in (0, 3):
        change(k)
        assert [bar.get_height() for bar in weights.patches] == pytest.approx(film.weights[k])
        whole, line, end = curve.lines
        assert np.array_equal(whole.get_ydata(), film.score)
        assert np.array_equal(line.get_xydata(), np.column_stack([film.presentation, film.score])[: k + 1])
        assert end.get_xydata().tolist() == [[film.presentation[k], film.score[k]]]
        marks = {line.get_label(): line.get_ydata() for line in outputs.lines}
        assert np.array_equal(marks["target"], fit.plan.dataset.test_t[:, 0])
        assert np.array_equal(marks["output"], film.outputs[k, :, 0])
        assert f"after {film.presentation[k]} of 30 presentations" in figure.get_suptitle()
    # Markers of the weights before training stay, and no bar leaves the axes.
    assert np.array_equal(weights.lines[0].get_ydata(), film.weights[0])
    low, high = weights.get_ylim()
    assert low < film.weights.min() and film.weights.max() < high


def test_of_images_the_first_layer_is_shown_as_images_and_outputs_by_class():
    fit = gnn.train(_digits(), hidden=(20,), presentations=10, method="implicit_euler", learning_rate=0.02, **HOW)
    film, figure, change = _drawn(fit)
    assert film.image == (8, 8) and film.classes and film.labels == ("a", "b", "c")
    panels = {axes.get_xlabel(): axes for axes in figure.axes}
    pictures = panels["weights of 16 of 20 neurons, which change most: 8 x 8 inputs each"].images[0]
    table = panels["output"].images[0]
    moved = np.square(film.first_layer[-1] - film.first_layer[0]).sum(axis=1)
    first = int(np.sort(np.argsort(-moved, kind="stable")[:16])[0])
    for k in (0, len(film.presentation) - 1):
        change(k)
        shown = pictures.get_array()
        assert shown.shape == (38, 38)
        assert np.array_equal(shown[:8, :8], film.first_layer[k, first].reshape(8, 8))
        classes = film.targets.argmax(axis=1)
        assert np.allclose(table.get_array()[1], film.outputs[k][classes == 1].mean(axis=0))
    assert pictures.get_clim()[0] == -pictures.get_clim()[1]
    assert [label.get_text() for label in panels["output"].get_yticklabels()] == ["a", "b", "c"]


def test_of_a_regression_outputs_are_drawn_against_targets():
    fit = gnn.train(_products(), hidden=(50,), presentations=6, method="implicit_euler", **HOW)
    film, figure, change = _drawn(fit)
    panels = {axes.get_xlabel(): axes for axes in figure.axes}
    assert panels["input"].images[0].get_array().shape == (50, 2)  # too many weights for bars, and no images
    change(2)
    points = {line.get_label(): line.get_xydata() for line in panels["target [concentration]"].lines}
    assert np.array_equal(points["output 1"], np.column_stack([film.targets[:, 1], film.outputs[2, :, 1]]))


@pytest.mark.parametrize("data", ["xor", _digits, _products], ids=["xor", "classes", "regression"])
def test_every_axis_has_a_name_and_quantities_their_unit(data):
    fit = gnn.train(data if data == "xor" else data(), presentations=4, method="implicit_euler", hidden=(20,), **HOW)
    _, figure, _ = _drawn(fit)
    axes = [a for a in figure.axes if not hasattr(a, "_colorbar")]
    assert all(a.get_xlabel() for a in axes) and all(a.get_ylabel() or not len(a.get_yticks()) for a in axes)
    words = " ".join(a.get_ylabel() for a in figure.axes)
    assert "weight [concentration]" in words and ("accuracy" in words or "[conc.]" in words)


def test_the_file_has_the_frames_and_the_colours_of_the_figure(fit, tmp_path):
    path = tmp_path / "film.gif"
    seen = []
    film = fit._film(4)
    save_film(film, film_path(path), 20, seen.append)
    assert seen[:4] == [1, 2, 3, 4] and set(seen[4:]) == {4}
    with image.open(path) as gif:
        assert gif.n_frames >= 4
        gif.seek(0)
        first = np.asarray(gif.convert("RGB"), dtype=int)
        gif.seek(gif.n_frames - 1)
        last = np.asarray(gif.convert("RGB"), dtype=int)
    assert first.shape == last.shape and (first != last).any()
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0x00, 0x9E, 0x73), (0xCC, 0x79, 0xA7)):
        near = np.abs(last - np.array(colour)).max(axis=2) <= 8
        assert near.sum() > 100, colour


def test_the_ends_of_a_scale_of_colours_survive_in_a_gif(tmp_path):
    fit = gnn.train(_digits(), hidden=(20,), presentations=4, method="implicit_euler", **HOW)
    fit.film(tmp_path / "film.gif", frames=2, progress=False)
    with image.open(tmp_path / "film.gif") as gif:
        pixels = np.asarray(gif.convert("RGB"), dtype=int)
    yellow = np.abs(pixels - np.array((0xFE, 0xE8, 0x38))).max(axis=2) <= 24  # the top of cividis
    assert yellow.sum() > 20


def test_a_fit_without_a_file_has_a_film(tmp_path):
    fit = gnn.train("xor", presentations=5, **HOW)
    assert fit.film(tmp_path / "film.gif", frames=3, progress=False) is None
    with image.open(tmp_path / "film.gif") as gif:
        assert gif.n_frames >= 3


def test_the_command_line_writes_one(fit, tmp_path, capsys):
    path = tmp_path / "learning.gif"
    assert main(["analyze", fit.output, "--film", str(path), "--json"]) == 0
    out = capsys.readouterr().out
    assert path.exists() and f"film written to {path}" in out
    assert json.loads(out.splitlines()[-1])["film"] == str(path)
    assert main(["analyze", fit.output, "--film", str(path)]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["analyze", fit.output, "--film", str(tmp_path / "a.avi")]) == 2
    assert "unknown format of a film '.avi': use .gif, .mp4" in capsys.readouterr().err
    gnn.simulate(gnn.ReactionNetwork.from_text("0 -> A @ 1"), 1.0, output=tmp_path / "e.h5", seed=1).close()
    assert main(["analyze", str(tmp_path / "e.h5"), "--film", str(tmp_path / "e.gif")]) == 2
    assert "--film shows a training run, and" in capsys.readouterr().err


def test_mp4_needs_ffmpeg(fit, tmp_path, monkeypatch):
    from matplotlib import animation

    monkeypatch.setattr(animation.FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    with pytest.raises(InputError, match="film.mp4 needs the program ffmpeg, which is not installed.* or write a .gif"):
        fit.film(tmp_path / "film.mp4")


def test_mistakes_are_sentences(fit, tmp_path):
    for how, message in (({"frames": 1}, "frames must be at least 2"), ({"fps": 61}, "fps must be at most 60")):
        with pytest.raises(InputError, match=message):
            fit.film(tmp_path / "film.gif", **how)
    assert not list(tmp_path.iterdir())
