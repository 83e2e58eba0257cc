"""Verification of bounds: the verdict can fail, and says why."""

import json

import numpy as np
import pytest

from gillespie_nn.checks import InputError, ModelError
from gillespie_nn.cli import main
from gillespie_nn.propositions import SHARPENED, SOURCES, judgements, selftest, setting_of, verdict
from gillespie_nn.propositions.driven import DrivenPaths
from gillespie_nn.propositions.forcing import RateSource
from gillespie_nn.propositions.proposition_report import PropositionOutcome
from gillespie_nn.statistics.tests import Decisions, Verdict
from helpers.paths import ROOT
from helpers.short_bounds import SHORT, SIZES


@pytest.mark.parametrize("what, plant, expected", selftest.PLANTS, ids=[p[0] for p in selftest.PLANTS])
def test_plants_are_caught(what, plant, expected):
    found = {j.name: j.verdict for j in plant(seed=0, paths=12 if "crossing" in what else 24)}
    if what == "no fault" or "crossing" in what:  # so few paths may leave an interval too wide
        assert all(found[name] != Verdict.FAILS for name in expected)
    else:
        for name, verdict in expected.items():  # what holds may stay undecided here, too
            assert found[name] != Verdict.FAILS if verdict == Verdict.HOLDS else found[name] == verdict


def test_an_interval_too_wide_is_inconclusive_and_a_wrong_slope_fails():
    rng = np.random.Generator(np.random.SFC64(1))
    wide = np.exp(2.0 * rng.standard_normal((20, 6, 3)))
    names = ["a", "b", "c"]
    assert judgements.slope(names, wide * SIZES[:, None], SIZES, 0).verdict == Verdict.INCONCLUSIVE
    narrow = np.exp(0.01 * rng.standard_normal((20, 6, 3)))
    assert judgements.slope(names, narrow * SIZES[:, None], SIZES, 0).verdict == Verdict.HOLDS
    assert judgements.slope(names, narrow * SIZES[:, None] ** 0.9, SIZES, 0).verdict == Verdict.FAILS
    one_wrong = narrow * SIZES[:, None] ** np.array([1.0, 1.0, 1.2])
    assert judgements.slope(names, one_wrong, SIZES, 0).numbers["outside"] == ["c"]
    assert judgements.tightness(names, narrow / SIZES[:, None] ** 0.2, SIZES, 0).verdict == Verdict.FAILS
    assert judgements.tightness(names, narrow * SIZES[:, None] ** 0.2, SIZES, 0).verdict == Verdict.HOLDS


def _results(paths=24):
    """A source with one look, and all that it has to say."""
    source = RateSource(setting_of(SHORT), paths, 0, looks=1)
    results, work = source.empty(), source.worker()
    for path in source.tasks(results, source.allotted[0]):
        work(results, path)
    return source, results


def _verdict():
    source, results = _results()
    decisions = Decisions()
    decisions.add(source.judgements(results, source.confidences[0], lambda line: None))
    return verdict(source, PropositionOutcome(results, decisions, source.allotted[0]))


def test_too_few_paths_for_a_verdict_are_not_called_paths_that_diverge():
    source, results = _results(paths=3)
    with pytest.raises(InputError, match="a verdict needs at least 20 paths at the first look, got 3"):
        source.judgements(results, source.confidences[0], lambda line: None)


def test_the_verdict_has_what_its_json_promises():
    found = _verdict()
    assert found["verdict"] in ("holds", "inconclusive") and found["violations"] == 0
    assert found["slope"] == pytest.approx(1.0, abs=0.1) and found["sharp_constant_error"] < 0.01
    assert len(found["slope_interval"]) == 2 and set(found["theta_quantiles"]) == {"0.05", "0.5", "0.95"}


def test_a_path_that_explodes_fails(monkeypatch):
    errors = DrivenPaths.errors

    def exploding(self, path):
        if path == 3:
            raise ModelError("a concentration blows up")
        return errors(self, path)

    monkeypatch.setattr(DrivenPaths, "errors", exploding)
    found = _verdict()
    assert found["verdict"] == "fails" and "solutions" in found["reason"]
    assert np.isfinite(np.array(list(found["theta_quantiles"].values()))).all()
    monkeypatch.setattr("gillespie_nn.propositions.forcing.FEWEST_PATHS", 24)
    with pytest.raises(ModelError, match="1 of 24 paths"):
        _verdict()


def test_a_violation_of_what_rests_on_most_paths_is_seen():
    source, results = _results()
    q = int(np.argmin(results.bound.max(axis=(0, 1))))
    results.theta[:20, :, q] = 0.0
    results.violations[21, 2, q] = 1
    found = {j.name: j for j in source.judgements(results, 0.95, lambda line: None)}
    assert q not in results.reached() and found["upper bound"].verdict == Verdict.FAILS
    assert found["upper bound"].numbers["violations"] == 1


@pytest.mark.parametrize(
    "activation, paths, verdicts",
    [("relu", "24", "fails"), ("leaky_relu", "20", "fails"), ("smooth_relu", "40", "holds or inconclusive")],
)
def test_at_rest_on_the_kink(activation, paths, verdicts, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setitem(SHARPENED, "smooth_relu", ("h", (0.25, 0.0625)))
    output = tmp_path / "k.h5"
    arguments = (
        f"verify-bounds --proposition 5.2 --case kink --activation {activation} --paths {paths} --looks 1 --json"
    )
    arguments = arguments.split()
    code = main([*arguments, "--output", str(output)])
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert found["verdict"] in verdicts and found["output"] == str(output)
    assert code == {"holds": 0, "fails": 1, "inconclusive": 3}[found["verdict"]] and found["violations"] == 0
    if found["verdict"] == "fails":
        assert "rests at z = 0" in found["reason"]
    else:  # few paths may leave an interval too wide
        assert found["smoothing"]["exponent_of_ratio"][0] == pytest.approx(-0.5, abs=0.01)
    assert {p.name for p in tmp_path.iterdir()} >= {"k.h5", "k.json", "k.md", "k.png", "k-course.png"}


@pytest.mark.parametrize("h", ["1e-6", "1e-8", "1e-12"])
def test_errors_as_small_as_rounding_are_inconclusive(h, tmp_path, capsys, monkeypatch):
    """The smooth ReLU is smooth, whatever h > 0: the proposition is true of it."""
    pytest.importorskip("matplotlib")
    monkeypatch.setitem(SHARPENED, "smooth_relu", ("h", (0.25, 0.0625)))
    arguments = (
        f"verify-bounds --proposition 5.2 --case kink --h {h} --paths 20 --looks 1 --seed 1 --json --output".split()
    )
    assert main([*arguments, str(tmp_path / "k.h5")]) == 3
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert found["verdict"] == "inconclusive" and "at the level of rounding" in found["reason"]
    assert "ReLU" not in found["reason"] and {c["name"]: c["verdict"] for c in found["checks"]}["power"] == "holds"


def test_sizes_beyond_the_linear_range_are_undecided_and_faults_are_not():
    """Theta of a function that is linear up to 1e-3 nears Theta_0; that of wrong scales or another Theta_0 does not."""
    rng = np.random.Generator(np.random.SFC64(3))
    theta_0 = np.exp(0.1 * rng.standard_normal((20, 1)))
    saturating = np.tanh(SIZES / 1e-3)[:, None] * 1e-3 / SIZES[:, None] * theta_0[:, None]
    resolved = np.ones(1, dtype=bool)
    assert judgements.undecided(saturating, theta_0, resolved).all()
    assert judgements.undecided(theta_0[:, None] + 0 * SIZES[:, None], theta_0, ~resolved).all()
    not_shared = np.where(SIZES[0] == SIZES, 1.0, 1.5)
    for fault in (SIZES**-0.5, SIZES / SIZES[-1], 10 * SIZES / SIZES[-1], np.full(6, 1.3), not_shared):
        assert not judgements.undecided(fault[:, None] * theta_0[:, None], theta_0, resolved).any()
    errors = saturating * SIZES[:, None]
    assert judgements.slope(["a"], errors, SIZES, 0).verdict == Verdict.FAILS
    assert judgements.slope(["a"], errors, SIZES, 0, undecided=resolved).verdict == Verdict.INCONCLUSIVE
    assert judgements.sharp_constant(["a"], saturating, theta_0, SIZES, 0, resolved).verdict != Verdict.FAILS


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["--case", "xo"], "unknown case 'xo' (did you mean 'xor'?)"),
        (["--proposition", "5.3"], "unknown proposition '5.3'"),
        (["--noise", "thermal"], "unknown noise 'thermal'"),
        (["--case", "kink"], "use --proposition 5.2"),
        (["--paths", "3"], "paths must be at least 20"),
        (["--output", "x.txt"], "must be an HDF5 file"),
        (["--kind", "impulse"], "unknown kind of rate noise 'impulse'"),
        (["--noise", "intrinsic", "--kind", "bounded"], "kind does not apply to intrinsic noise"),
        (["--noise", "intrinsic", "--activation", "relu"], "needs smooth rates"),
        (["--running-time", "-1"], "running_time must be positive"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, what, capsys):
    assert main(["verify-bounds", *arguments]) == 2
    captured = capsys.readouterr()
    assert what in captured.err and len(captured.err.strip().splitlines()) == 1


def test_every_source_of_noise_is_in_the_page():
    text = (ROOT / "docs" / "propositions.md").read_text()
    assert all(f"`{source.name}`" in text for source in SOURCES)
