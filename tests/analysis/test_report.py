"""Reports and figures of real runs: whole pages that need nothing else, also in a browser."""

import base64
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import h5py
import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.analysis import ANALYSES, Ask, course
from gillespie_nn.analysis.training_course import float_network
from gillespie_nn.cli import main
from gillespie_nn.display.tables import Page
from gillespie_nn.simulation.evaluation import N_AVERAGED

matplotlib_image = pytest.importorskip("matplotlib.image")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_VOID = {"meta", "img", "br", "hr", "link", "input"}
MODEL = """
    0 -> A @ 20
    A -> 0 @ 1
    A -> A + B @ 2
    B -> 0 @ 0.5
    @parameter hit = -1
    @event note_hit: when A >= 18 && hit < 0; set hit = time
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An ensemble, another with more of B, and a short training run."""
    folder = tmp_path_factory.mktemp("runs")
    for name, rate in (("ensemble", "@ 2"), ("other", "@ 4")):
        net = gnn.ReactionNetwork.from_text(MODEL.replace("@ 2\n", f"{rate}\n"))
        gnn.simulate(net, t_end=40, n_points=401, replicates=24, seed=4, output=folder / f"{name}.h5").close()
    settings = {"volume": 50, "presentations": 45, "running_time": 1, "validation": 0.25}
    gnn.train("xor", seed=2, output=folder / "training.h5", **settings)
    return folder


class _Reader(HTMLParser):
    """What is in a page; fails where tags do not close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.sources, self.tags, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [v for k, v in attributes if k in ("src", "href", "srcset", "data", "action", "poster")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def pages(files):
    for name in ("ensemble", "training"):
        assert main(["report", str(files / f"{name}.h5"), "-o", str(files / f"{name}.html")]) == 0
    return files


@pytest.mark.parametrize("name", ["ensemble", "training"])
def test_a_report_is_whole_and_needs_nothing_else(name, pages):
    text = (pages / f"{name}.html").read_text(encoding="utf-8")
    page = _Reader(text)
    assert text.startswith("<!DOCTYPE html>") and not {"script", "link", "iframe", "object"} & set(page.tags)
    assert page.sources and all(s.startswith("data:image/png;base64,") for s in page.sources)
    assert "url(" not in text and "@import" not in text
    for source in page.sources:
        image = matplotlib_image.imread(io.BytesIO(base64.b64decode(source.partition(",")[2])))
        assert min(image.shape[:2]) > 300 and np.ptp(image[..., :3]) > 0.5
    words = " ".join(page.words)
    for said in ("numpy", "SHA-256 of the model", "all parameters", gnn.__version__, "seed"):
        assert said in words


def test_a_report_says_what_the_run_was(pages):
    ensemble = " ".join(_Reader((pages / "ensemble.html").read_text()).words)
    assert "Means and quantiles of 24 replicates" in ensemble and "note_hit: when A >= 18 && hit < 0" in ensemble
    training = " ".join(_Reader((pages / "training.html").read_text()).words)
    trajectories = "Trajectories of the first 3 presentations of xor, from the trained weights"
    for said in ("training of xor", "2-4-1", "Common part of dual rails", "outputs of the final weights", trajectories):
        assert said in training


def test_text_of_a_page_is_escaped_and_cleaned():
    page = Page("<script>alert('a & b')</script>")
    page.paragraph("5 < 6 \x00 \ud800")
    page.folded("more", "</pre><b>")
    text = page.text()
    assert "<script" not in text and "<b>" not in text and "\x00" not in text
    assert "5 < 6 \ufffd \ufffd" in " ".join(_Reader(text).words)
    text.encode()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the pages are not looked at in a browser")
@pytest.mark.parametrize("name", ["ensemble", "training"])
def test_a_browser_shows_every_image_and_no_page_is_wider_than_the_window(name, pages, tmp_path):
    text = (pages / f"{name}.html").read_text(encoding="utf-8")
    probe = """<script>addEventListener("load", () => {
        const shown = [...document.images].filter(i => i.complete && i.naturalWidth > 300).length;
        const wide = document.documentElement.scrollWidth > innerWidth;
        const fetched = performance.getEntriesByType("resource").filter(r => !r.name.startsWith("data:")).length;
        document.body.setAttribute("data-found", JSON.stringify([shown, wide, fetched]));
    })</script></body>"""
    path = tmp_path / "page.html"
    path.write_text(text.replace("</body>", probe), encoding="utf-8")
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=800,900",
         f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=10000", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    assert json.loads(found[1]) == [text.count("<img "), False, 0]


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda a: a.name)
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_every_analysis_has_words_a_record_and_a_figure_with_named_axes(analysis, suffix, files, tmp_path):
    name = "training" if analysis.name in ("learning", "trajectories", "rails") else "ensemble"
    with gnn.open_run(files / f"{name}.h5") as run, gnn.open_run(files / "other.h5") as other:
        found = analysis.find(run, Ask(passage="A >= 18", other=other, start=10))
        from matplotlib.figure import Figure

        figure = Figure()
        found.draw(figure)
        shown = [axes for axes in figure.axes if axes.get_visible()]
        lowest = [axes for axes in shown if axes.get_subplotspec().is_last_row()]
        assert shown and all(axes.get_ylabel() for axes in shown) and all(axes.get_xlabel() for axes in lowest)
        path = tmp_path / f"figure{suffix}"
        found.save(path)
    assert path.stat().st_size > 5000 and path.read_bytes()[:4] == {".png": b"\x89PNG", ".svg": b"<?xm"}[suffix]
    assert analysis.summary and found.tables and len(found.text().splitlines()) > 3
    assert found.record


def test_the_course_of_training_ends_at_the_score_of_the_run(files):
    with gnn.open_run(files / "training.h5") as run:
        found = course(run)
        assert found.presentation.tolist() == list(range(1, 46)) and found.layers == ("W1", "B1", "W2", "B2")
        last = run.training["weights"][-N_AVERAGED:].mean(axis=0)
        assert found.size[-1, 0] == pytest.approx(np.sqrt(np.mean(last[:8] ** 2)))
        outputs, targets = float_network(run).forward(last, run.training["inputs"][:]), run.training["targets"][:]
        assert found.rmse[-1] == pytest.approx(np.sqrt(np.mean((outputs - targets) ** 2)))
        assert found.accuracy[-1] == np.mean((outputs > 0.5) == (targets > 0.5))
        with pytest.raises(gnn.InputError, match="not a training run"), gnn.open_run(files / "other.h5") as ensemble:
            course(ensemble)


def _trajectories(arguments, capsys):
    assert main(["analyze", *map(str, arguments), "--what", "trajectories", "--json"]) == 0
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])["analyses"]["trajectories"]


@pytest.mark.parametrize(
    "flags, samples, weights",
    [
        ((), 3, None),
        (("--samples", "2", "--weights", "initial"), 2, "initial"),
        (("--samples", "3,0", "--weights", "trained"), [3, 0], None),
        (("--samples", "1,"), [1], None),
    ],
)
def test_trajectories_of_a_file_are_those_of_the_fit(flags, samples, weights, files, capsys):
    shown = _trajectories([files / "training.h5", "--species", "D1_2", *flags], capsys)
    t = gnn.load_fit(files / "training.h5").trajectories(samples, weights=weights)
    assert shown["time"] == t.time.tolist() and shown["samples"] == t.samples.tolist()
    assert list(shown["drawn"]) == ["Z2_0", "Z1_2", "Y1_2", "D1_2", next(n for n in shown["drawn"] if n[0] == "W")]
    assert all(values == t[name].tolist() for name, values in shown["drawn"].items())


def test_trajectories_of_a_network_that_is_not_listed_are_those_of_single_samples(tmp_path, capsys):
    how = {"method": "batch_leap", "output_activation": "smooth_relu", "hold": 0.5, "volume": 50, "running_time": 1}
    fit = gnn.train("xor", seed=2, presentations=4, batch=2, output=tmp_path / "batch.h5", **how)
    assert _trajectories([fit.output], capsys)["samples"] == [[k] for k in fit.plan.order.ravel()[:3]]
    # A report leaves them out: such networks are large.
    assert main(["report", fit.output, "--json"]) == 0
    assert "trajectories" not in json.loads(capsys.readouterr().out.splitlines()[-1])["analyses"]


def test_trajectories_need_a_run_that_has_ended(files, tmp_path, capsys):
    path = tmp_path / "again.h5"
    shutil.copy(files / "training.h5", path)
    with h5py.File(path, "r+") as file:
        file["committed"][:] = 0
    assert main(["analyze", str(path), "--what", "trajectories"]) == 2
    assert "has not finished: continue it with gillespie-nn resume" in capsys.readouterr().err
    assert main(["report", str(path), "--json"]) == 0
    assert "trajectories" not in json.loads(capsys.readouterr().out.splitlines()[-1])["analyses"]


def test_a_report_without_the_samples_of_its_case_has_no_trajectories(files, tmp_path, monkeypatch, capsys):
    def gone(*_):
        raise gnn.InputError("no such data file")

    monkeypatch.setattr("gillespie_nn.datasets.cases.XOR.load", gone)
    assert main(["report", str(files / "training.h5"), "-o", str(tmp_path / "r.html"), "--json"]) == 0
    assert "trajectories" not in json.loads(capsys.readouterr().out.splitlines()[-1])["analyses"]
    assert main(["analyze", str(files / "training.h5"), "--what", "trajectories"]) == 2
    assert "no such data file" in capsys.readouterr().err


def test_analyze_does_several_things_at_once(files, tmp_path, capsys):
    run, figure = str(files / "ensemble.h5"), tmp_path / "f.svg"
    arguments = ["--what", "means", "--passage", "hit", "--other", str(files / "other.h5"), "--figure", str(figure)]
    assert main(["analyze", run, *arguments, "--species", "B", "--json"]) == 0
    out = capsys.readouterr().out
    found = json.loads(out.strip().splitlines()[-1])
    assert set(found["analyses"]) == {"means", "first-passage", "compare"} and found["committed"] == 24
    assert found["analyses"]["compare"]["differ"] == ["B"] and found["analyses"]["first-passage"]["exact"]
    assert "exact" in out and [(tmp_path / f"f-{n}.svg").exists() for n in found["analyses"]] == [True] * 3
    assert main(["analyze", run, *arguments]) == 2
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["analyze", "RUN", "--what", "mean"], "did you mean 'means'"),
        (["analyze", "RUN", "--what", "first-passage"], "--passage 'A >= 10'"),
        (["analyze", "RUN", "--what", "compare"], "--other RUN2.h5"),
        (["analyze", "RUN", "--what", "learning"], "not a training run"),
        (["analyze", "RUN", "--what", "trajectories"], "not a training run"),
        (["analyze", "RUN", "--what", "means", "--samples", "2"], "--samples only applies to trajectories: add --what"),
        (["analyze", "RUN", "--weights", "initial"], "--weights only applies to trajectories: add --what"),
        (["analyze", "RUN", "--what", "trajectories", "--samples", "two"], "with a comma, got 'two'"),
        (["analyze", "RUN", "--what", "rails"], "no dual rails"),
        (["analyze", "RUN", "--what", "means", "--species", "C"], "unknown species 'C'"),
        (
            ["analyze", "RUN", "--what", "spectrum", "--start", "40"],
            "at least 16 recorded points from start = 40 s on, got 1: record more",
        ),
        (["analyze", "RUN", "--what", "means", "--confidence", "95"], "confidence must be between 0 and 1"),
        (["report", "RUN", "-o", "x.pdf"], "unknown report format '.pdf'"),
        (["report", "nowhere.h5"], "no such run file"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, what, files, capsys):
    run = str(files / "ensemble.h5")
    assert main([run if a == "RUN" else a for a in arguments]) == 2
    captured = capsys.readouterr()
    assert what in captured.err and len(captured.err.strip().splitlines()) == 1
