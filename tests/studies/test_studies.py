"""The case studies: points in files, the runner, statistics, and every study of the registry on tiny points."""

import json
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from scipy import stats

import gillespie_nn.studies.study as base
from gillespie_nn import ConcentrationNoise, InputError, RateNoise, UnfinishedError, open_run, resume
from gillespie_nn.checks import StorageError
from gillespie_nn.cli import main
from gillespie_nn.statistics.intervals import (
    estimate,
    estimate_error,
    estimate_fraction,
    estimate_ratio,
    estimate_share,
)
from gillespie_nn.statistics.tests import Verdict, holm, mcnemar, paired
from gillespie_nn.storage.hdf5 import Lock
from gillespie_nn.studies import STUDIES, Extent, StudyResults, runner
from gillespie_nn.studies.parity import Learns
from gillespie_nn.studies.points import FirstPresentations, Prediction, Training
from gillespie_nn.studies.runner import adjusted
from gillespie_nn.studies.study import ALL_CONTENDERS, CONTENDERS, IDEAL, SMOOTH, StudyFinding

TINY = Extent(seed=0, n_seeds=2, quick=True)
SMALL = (("presentations", 6), ("running_time", 2.0))


def small(seed=0, **changes):
    given = {"case": "xor", "seed": seed, "method": "rejection", "volume": 20.0, "settings": SMALL} | changes
    return Training(**given)


def content(path):
    """Every dataset and attribute of a run file but those that say when and how fast it was made."""
    found = {}

    def look(name, item):
        found[name] = dict(item.attrs) if isinstance(item, h5py.Group) else item[()]

    with h5py.File(path, "r") as file:
        found[""] = {k: v for k, v in file.attrs.items() if k != "created"}
        file.visititems(look)
    return {k: v for k, v in found.items() if not k.startswith("provenance")}


def same(one, other):
    one, other = content(one), content(other)
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_equal(value, other[name], err_msg=name)
    return True


# Points


def test_the_name_of_a_point_follows_all_that_decides_it_and_nothing_else():
    other = [
        small(),
        small(1),
        small(volume=21.0),
        small(method="direct"),
        small(settings=(("presentations", 7), ("running_time", 2.0))),
        small(noise=(RateNoise(0.1),)),
        small(noise=(RateNoise(0.1, "bounded"),)),
        small(limit=3),
        small(case="iris"),
        Prediction.of(small()),
        Prediction.of(small(), (RateNoise(0.1),)),
        Prediction.of(small(noise=(RateNoise(0.1),))),
        Prediction.of(small(), limit=3),
        FirstPresentations("xor", 0),
    ]
    assert len({p.stem for p in other}) == len(other)
    # A default said aloud is the same point, in whatever order.
    said = small(settings=(("running_time", 2), ("h", 0.25), ("presentations", 6)))
    assert small().decided["settings"]["h"] == 0.25
    assert json.loads(json.dumps(said.decided)) == said.decided
    assert {k: v for k, v in said.decided.items()} == small().decided


def test_other_defaults_of_a_case_make_another_point(monkeypatch):
    from gillespie_nn.datasets.cases import XOR

    before = small().stem
    monkeypatch.setattr(XOR, "settings", XOR.settings.replace(h=0.3))
    assert small().stem != before


def test_a_point_is_read_back_from_its_file(tmp_path):
    trained = small(noise=(RateNoise(0.1), ConcentrationNoise(0.05)))
    predicted = Prediction.of(trained, (RateNoise(0.2),), limit=2)
    course = FirstPresentations("xor", 0, "rejection", 50.0, (("running_time", 2.0),), n_presentations=2, n_points=10)
    assert [p.read(tmp_path) for p in (trained, predicted, course)] == [None] * 3
    for point in (trained, predicted, course):
        point.execute(tmp_path)
    record = trained.read(tmp_path)
    with open_run(record.path) as run:
        assert record.scores["rmse"] == run.training["rmse"][()] and record.task == "threshold"
        assert run.training["recorded"].shape == (6,)
    found = predicted.read(tmp_path)
    with h5py.File(found.path) as file:
        outputs, targets = file["outputs"][:], file["targets"][:]
    assert outputs.shape == (2, 1)
    assert found.scores["rmse"] == pytest.approx(np.sqrt(np.mean((outputs - targets) ** 2)))
    with open_run(course.read(tmp_path).path) as run:
        assert run.counts.shape[1] == 21
        x = run.of("X_0_p")[0], run.of("X_1_p")[0]
        assert {0, 50} >= set(np.concatenate(x).tolist())


def test_the_file_of_another_point_is_refused(tmp_path):
    one, other = small(0), small(1)
    one.execute(tmp_path)
    one.path(tmp_path).rename(other.path(tmp_path))
    with pytest.raises(InputError, match="contains another point"):
        other.read(tmp_path)
    one.execute(tmp_path)
    first, second = Prediction.of(one, limit=1), Prediction.of(one, limit=2)
    first.execute(tmp_path)
    first.path(tmp_path).rename(second.path(tmp_path))
    with pytest.raises(InputError, match="contains another point"):
        second.read(tmp_path)
    second.path(tmp_path).write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        second.read(tmp_path)


# The runner


def test_what_has_ended_is_skipped_and_what_was_interrupted_goes_on(tmp_path, monkeypatch):
    whole, folder = tmp_path / "whole", tmp_path / "folder"
    points = [small(0), Prediction.of(small(0), limit=2), small(1)]
    runner.execute(points, whole, workers=1)
    folder.mkdir()
    from gillespie_nn.storage import TrainingFile

    write, seen = TrainingFile.checkpoint, []

    def stop(file, checkpoint, scores):
        write(file, checkpoint, scores)
        seen.append(checkpoint.n_presented)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingFile, "checkpoint", stop)
    with pytest.raises(KeyboardInterrupt):
        runner.execute(points, folder, workers=1)
    monkeypatch.undo()
    assert small(0).path(folder).is_file() and small(0).read(folder) is None
    resumed = []

    def noted(path, **how):
        resumed.append(path)
        return resume(path, **how)

    monkeypatch.setattr("gillespie_nn.studies.points.resume", noted)
    runner.execute(points, folder, workers=1)
    assert resumed == [small(0).path(folder)]
    for point in points:
        assert same(point.path(whole), point.path(folder))
    times = {p.stem: p.path(folder).stat().st_mtime_ns for p in points}
    runner.execute(points, folder, workers=1)
    assert times == {p.stem: p.path(folder).stat().st_mtime_ns for p in points}


def test_workers_change_nothing_and_take_over_each_other_s_files(tmp_path):
    points = [Prediction.of(small(seed), (RateNoise(0.1),), 2) for seed in range(3)]
    runner.execute(points, tmp_path / "one", workers=1)
    runner.execute(points, tmp_path / "two", workers=2)
    every = runner.unique(points)
    assert len(every) == 6
    for point in every:
        assert same(point.path(tmp_path / "one"), point.path(tmp_path / "two"))


_LONG = """
import signal
import sys
from gillespie_nn.cli import main
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests are a background job
    sys.exit(main(sys.argv[1:]))
"""


def test_interrupt_keeps_what_is_done_and_ends_the_workers(tmp_path):
    pytest.importorskip("matplotlib")
    script = tmp_path / "command.py"
    script.write_text(_LONG)
    folder = tmp_path / "out"
    arguments = ["reproduce", "--study", "parity", "--case", "iris", "--output", str(folder), "--workers", "2"]
    process = subprocess.Popen([sys.executable, str(script), *arguments], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list((folder / "points").glob("training-*.h5")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)  # to the parent alone, as `kill -INT` does
    assert process.wait(timeout=30) == 130
    assert "run the same command again to continue" in process.stderr.read()
    files = list((folder / "points").glob("training-*.h5"))
    assert files
    for path in files:
        with open_run(path) as run:
            assert run.case == "iris"
        Lock(path).release()  # refused as long as a worker writes the file


def test_a_run_that_blows_up_is_counted_and_not_tried_again(tmp_path):
    wild = small(method="gradient_descent", settings=(("presentations", 40), ("learning_rate", 1e6)))
    said = []
    needy = Prediction.of(wild, limit=1)
    runner.execute([needy, small()], tmp_path, workers=1, time_limit=60.0, say=said.append)
    assert len(said) >= 1 and wild.stem in said[0]
    records, failed, missing = runner.read_all([needy, small()], tmp_path)
    assert set(records) == {small().stem} and set(failed) == {wild.stem, needy.stem} and not missing
    results = StudyResults("xor", TINY, records, failed)
    assert results.n_failed([wild, small()]) == 1
    np.testing.assert_equal(np.isnan(results.scores([wild, small()])), [True, False])
    runner.execute([needy], tmp_path, workers=1, time_limit=60.0, say=lambda line: pytest.fail(line))


def test_a_run_away_is_stopped_by_the_clock_and_tried_again_with_more_time(tmp_path):
    point = small(settings=(("presentations", 4000), ("running_time", 20.0)), volume=1e4)
    runner.execute([point], tmp_path, workers=1, time_limit=0.5, say=lambda line: None)
    assert "0.5 s of wall time" in runner.read_all([point], tmp_path)[1][point.stem]
    shorter = small()
    shorter.path(tmp_path).parent.mkdir(exist_ok=True)
    runner._forget_shorter_limits([point], tmp_path, 0.4)
    assert runner.read_all([point], tmp_path)[1]
    runner._forget_shorter_limits([point], tmp_path, 1.0)
    assert runner.read_all([point], tmp_path)[2] == [point]


def test_a_full_disk_is_no_result(tmp_path, monkeypatch):
    def full(self, folder):
        raise StorageError("the disk is full")

    monkeypatch.setattr(Training, "execute", full)
    with pytest.raises(UnfinishedError, match="disk is full"):
        runner.execute([small()], tmp_path, workers=1)
    assert not list(tmp_path.glob("*.failed"))


# Statistics


def test_intervals_are_those_of_student():
    values = np.array([0.3, 0.5, 0.45, 0.7, np.nan])
    known = values[:4]
    low, high = stats.t.interval(0.95, 3, known.mean(), stats.sem(known))
    found = estimate(values)
    assert found.n == 4 and (found.mean, found.low, found.high) == pytest.approx((known.mean(), low, high))
    assert estimate([]).n == 0 and np.isnan(estimate([1.0]).low) and str(estimate([np.nan])) == "-"


def test_the_interval_of_an_error_stays_above_0_and_covers_as_student_s_does():
    found = estimate_error([0.02, 0.3, 0.01])
    assert estimate([0.02, 0.3, 0.01]).low < 0 < found.low < found.mean < found.high
    narrow = np.array([0.50, 0.51, 0.49, 0.505])
    one, other = estimate_error(narrow), estimate(narrow)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), rel=1e-3)
    assert estimate_error([0.0, 0.0]) == (0.0, 0.0, 0.0, 2)
    assert np.isnan(estimate_error([0.3]).low) and estimate_error([]).n == 0


def test_the_interval_of_fractions_stays_between_0_and_1():
    found = estimate_fraction([1.0, 0.9, 1.0])
    assert estimate([1.0, 0.9, 1.0]).high > 1 > found.high > found.mean > found.low > 0
    same = estimate_fraction([1.0, 1.0, 1.0])
    assert same.high == 1 and 0 < same.low < 1  # equal seeds are no proof
    middle = np.array([0.50, 0.51, 0.49, 0.505])
    one, other = estimate_fraction(middle), estimate(middle)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), rel=1e-3)


def test_no_interval_of_a_study_leaves_what_its_score_can_be():
    points = [small(seed) for seed in range(3)]
    for task, scores in (("threshold", (0.02, 0.3, 0.01)), ("classification", (1.0, 0.9, 1.0))):
        name = base.measure_of(task).score
        records = {p.stem: base.Record(p, None, task, {name: s}, "0") for p, s in zip(points, scores)}
        found = StudyResults("xor", TINY, records).estimate(points)
        assert 0 < found.low < found.high and (name == "rmse" or found.high <= 1)
    assert estimate_ratio([0.1, 1.0, 0.3], [1.0, 1.2, 1.1]).low == 0


def test_a_planted_difference_is_found_and_none_is_not():
    # Fixed numbers, so nothing here is left to chance: a shift of one standard deviation, and of none.
    noise = stats.norm.ppf((np.arange(20) + 0.5) / 20)
    planted, none = noise + 1.0, noise
    _, p = paired(planted)
    assert p == pytest.approx(stats.ttest_rel(planted, np.zeros(20)).pvalue) and p < 1e-3
    assert paired(none)[1] > 0.99 and paired(np.full(5, 0.1))[1] == 1.0 and np.isnan(paired([1.0])[1])
    claims = adjusted([StudyFinding("c", "xor", r, "loss", d) for r, d in zip("abc", (planted, -planted, none))])
    assert [c.verdict for c in claims] == [Verdict.HOLDS, Verdict.FAILS, Verdict.INCONCLUSIVE]
    # Unpaired seeds would hide it: the spread between seeds is ten times the difference.
    rng = np.random.default_rng(0)
    between = 10.0 * rng.standard_normal(20)
    assert paired((between + planted) - between)[1] < 1e-3 < stats.ttest_ind(between + planted, between).pvalue


def test_holm_s_adjustment():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.01, np.nan, 0.5]), [0.02, np.nan, 0.5])
    assert holm([0.9, 0.8]).max() == 1.0
    (alone,) = adjusted([StudyFinding("c", "xor", "a", "loss", np.array([1.0]))])
    assert np.isnan(alone.adjusted_p) and alone.verdict == Verdict.INCONCLUSIVE
    # Its family-wise error rate: of families of 10 true hypotheses, 5 % reject any at most (here as a plain count over
    # a fixed grid of p-values, where one of the ten is exactly at the edge).
    assert holm([0.005, *[0.5] * 9])[0] == pytest.approx(0.05)


def test_fieller_s_interval_against_its_definition():
    one, other = np.array([1.1, 1.3, 0.9, 1.2, 1.0]), np.array([1.0, 1.1, 0.9, 1.0, 0.8])
    found = estimate_ratio(one, other)
    for end in (found.low, found.high):
        assert stats.ttest_1samp(one - end * other, 0.0).pvalue == pytest.approx(0.05)
    assert found.mean == pytest.approx(one.mean() / other.mean()) and found.low < found.mean < found.high
    assert np.isnan(estimate_ratio(one, np.array([1.0, -1.0, 1.0, -1.0, 0.1])).low)


@pytest.mark.parametrize(
    "low, high, limit, expected",
    [
        (-0.005, 0.01, {"least": -0.01}, "holds"),
        (-0.02, 0.01, {"least": -0.01}, "inconclusive"),
        (-0.05, -0.02, {"least": -0.01}, "fails"),
        (0.9, 1.05, {"most": 1.1}, "holds"),
        (0.9, 1.1, {"most": 1.1}, "holds"),
        (1.05, 1.2, {"most": 1.1}, "inconclusive"),
        (1.15, 1.2, {"most": 1.1}, "fails"),
        (np.nan, np.nan, {"most": 1.1}, "inconclusive"),
    ],
)
def test_goals_are_judged_by_the_whole_interval(low, high, limit, expected):
    assert Verdict.of_interval(low, high, **limit) == expected


@pytest.mark.parametrize(
    "verdicts, expected",
    [
        (("holds", "holds"), "holds"),
        (("holds", "fails", "not run"), "fails"),
        (("holds", "inconclusive"), "inconclusive"),
        (("holds", "not run"), "inconclusive"),
        (("not run",), "not run"),
        ((), "not run"),
    ],
)
def test_verdicts_are_texts_and_one_verdict_covers_all(verdicts, expected):
    together = Verdict.together(map(Verdict, verdicts))
    assert json.loads(json.dumps(together)) == expected == f"{together}" and repr(together) == repr(expected)
    assert together.exit_code == {"holds": 0, "fails": 1}.get(expected, 3)


# The registry


def test_names_are_one_each():
    assert len({s.name for s in STUDIES}) == len(STUDIES)


@pytest.fixture
def tiny(monkeypatch):
    """Quick runs that are yet shorter."""
    real = base.case_of

    class Short:
        def __init__(self, case):
            self.settings = real(case).settings.replace(presentations=20)
            self.method, self.quick = real(case).method, {}

    monkeypatch.setattr(base, "case_of", Short)
    monkeypatch.setattr(base, "_QUICK", {})


@pytest.mark.parametrize("study", STUDIES, ids=lambda s: s.name)
def test_every_study_draws_and_tells_what_is_there(study, tiny, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    # What is of MNIST alone is tried on smaller images.
    case = next((c for c in ("xor", "iris", "digits") if c in study.cases), "digits")
    if case == "digits":
        pytest.importorskip("sklearn")
    extent = TINY
    made = study()
    points = runner.unique(made.points(case, extent))
    assert points == runner.unique(made.points(case, extent)) and study.title and study.summary
    # Scores that need no simulation: what is drawn is tested here, what is simulated elsewhere.
    simulated = ("time-course", "learning", "confusion", "weights", "chemistries", "claims", "gradient", "accuracy")
    cheap = points if study.name in simulated else []
    runner.execute(cheap, tmp_path, workers=1, say=lambda line: None)
    records, failed, _ = runner.read_all(cheap, tmp_path)
    if not cheap:
        rng, task = np.random.default_rng(0), "threshold" if case == "xor" else "classification"
        names = ("accuracy", "rmse", "accuracy_gradient_descent", "rmse_gradient_descent")
        for point in points:
            scores = dict(zip(names, rng.uniform(size=4)))
            records[point.stem] = base.Record(point, tmp_path, task, scores, "0")
    for results in (
        StudyResults(case, extent, records, failed, study.measure),
        StudyResults(case, extent, dict(list(records.items())[: len(records) // 2]), failed, study.measure),
    ):
        figure = Figure(layout="constrained")
        made.draw(figure, results)
        figure.savefig(tmp_path / "figure.png")
        legends = [*figure.legends, *(a.get_legend() for a in figure.get_axes() if a.get_legend() is not None)]
        texts = {text.get_text() for legend in legends for text in legend.get_texts()}
        handles = [pair for axes in figure.get_axes() for pair in zip(*axes.get_legend_handles_labels())]
        told = {str(getattr(h, "lines", [h])[0].get_color()) for h, label in handles if label in texts}
        drawn_in = {str(line.get_color()) for axes in figure.get_axes() for line in axes.lines}
        if study.name == "claims":
            drawn_in.discard("0.4")  # the axis at 0
        assert drawn_in <= told
        drawn = [t for axes in figure.get_axes() for t in (axes.get_xlabel(), axes.get_ylabel())]
        assert any(drawn) or study.name == "weights"
        for table in made.tables(results):
            assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
            assert all(isinstance(cell, str) for row in table.rows for cell in row)
        for finding in made.findings(results):
            assert finding.differences.shape == (2,)
        for goal in made.goals(results):
            assert goal.verdict in set(Verdict)
    assert made.tables(results) or made.findings(results)


@pytest.mark.parametrize("shared", [True, False])
def test_gradient_descent_is_one_line_or_one_for_each_series(shared):
    figures = pytest.importorskip("matplotlib.figure")
    study = next(s for s in STUDIES if s.name == "running-time")()
    records = {}
    for k, point in enumerate(runner.unique(study.points("xor", TINY))):
        scores = {"rmse": 0.1 + 0.01 * k, "rmse_gradient_descent": 0.2 if shared else 0.2 + 0.01 * k}
        records[point.stem] = base.Record(point, None, "threshold", scores, "0")
    figure = figures.Figure(layout="constrained")
    study.draw(figure, StudyResults("xor", TINY, records))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    descent = [label for label in labels if label.startswith("float gradient descent")]
    every = [f"float gradient descent, {name}" for name in CONTENDERS]
    assert descent == (["float gradient descent"] if shared else every)


def test_claims_find_what_is_planted_with_the_right_sign():
    from gillespie_nn.studies.claims import CLAIMS, Claims
    from gillespie_nn.studies.points import Prediction

    extent, study = Extent(0, 6, True), next(s for s in STUDIES if s is Claims)()
    records = {}
    for point in runner.unique(study.points("xor", extent)):
        trained = point.training if isinstance(point, Prediction) else point
        settings = dict(trained.settings)
        smooth = settings["activation"] in ("smooth_relu", "rail_relu")
        noisy = bool(point.noise) or bool(trained.noise)
        shorter = settings.get("running_time") == 5.0  # a quarter of the case's own
        steep = (0.02 if smooth else 0.4) + 0.005 * np.sin(1.0 + point.seed * (1 + smooth))
        loss = 0.1 * point.seed + steep * (noisy + shorter)
        records[point.stem] = base.Record(point, None, "threshold", {"rmse": loss}, "0")
    claims = adjusted(study.findings(StudyResults("xor", extent, records)))
    assert {c.claim for c in claims} == set(CLAIMS) and len(claims) == 36 + 42
    assert all(c.verdict == Verdict.HOLDS and c.n == 6 for c in claims)
    assert all(c.mean == pytest.approx(0.38, abs=0.03) for c in claims if c.unit == "loss")
    assert [c.mean for c in claims if "halving" in c.unit] == pytest.approx([0.19] * 6, abs=0.02)


def test_a_start_learns_where_it_does_in_every_setting():
    """Planted: the ideal ReLU misses two seeds in one setting each, and one run of `gain` blew up."""
    study, extent = Learns(), Extent(n_seeds=6, quick=True)
    records, failed = {}, {}
    (first, *_), seeds = study._groups("xor", extent), study.seeds(extent)
    assert seeds == range(300, 306)
    for contender in ALL_CONTENDERS:
        for k, (_, points) in enumerate(study._runs("xor", extent, first, contender)):
            for point in points:
                missed = contender == IDEAL and point.seed in (301 + k, 304 - k) and k < 2
                records[point.stem] = base.Record(point, None, "threshold", {"rmse": 0.4 if missed else 0.1}, "0")
    _, points = next(study._runs("xor", extent, first, "smooth ReLU, gain"))
    failed[points[0].stem] = records.pop(points[0].stem)
    results = StudyResults("xor", extent, records, failed)
    learnt = {c: study._learnt(results, first, c) for c in ALL_CONTENDERS}
    assert learnt[SMOOTH]["in all five"].all() and len(learnt[SMOOTH]) == 6
    assert learnt[IDEAL]["in all five"].tolist() == [True, False, False, False, False, True]
    assert learnt["smooth ReLU, gain"]["in all five"].tolist() == [False, True, True, True, True, True]
    (table,) = study.tables(results)
    row = next(r for r in table.rows if r[0] == IDEAL)
    assert row[-2] == "4 : 0" and row[6].startswith("0.33")
    del records[points[1].stem]
    again = study._learnt(StudyResults("xor", extent, records, failed), first, "smooth ReLU, gain")
    assert all(row.count() == 5 for row in again.values())


def test_shares_and_mcnemar_are_the_exact_ones():
    found = estimate_share(7, 10)  # Clopper and Pearson: 0.3475 to 0.9333
    assert (found.mean, found.low, found.high) == pytest.approx((0.7, 0.34755, 0.93326), abs=1e-5)
    assert (estimate_share(0, 5).low, estimate_share(5, 5).high) == (0.0, 1.0) and estimate_share(
        0, 5
    ).high == pytest.approx(1 - 0.025**0.2)
    assert mcnemar(9, 1) == pytest.approx(2 * (1 + 10) / 2**10) and mcnemar(0, 0) == 1.0
    assert mcnemar(1, 9) == mcnemar(9, 1) and mcnemar(5, 5) == 1.0


# The whole, and the command


def command(folder, *more):
    given = ["--quick", "--case", "xor", "--seeds", "2", "--workers", "1", "--output", str(folder), "--json"]
    return main(["reproduce", "--study", "learning", *given, *more])


def test_reproduce_then_redraw_without_simulating(tiny, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    assert command(tmp_path) == 0
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert found["points"] == 8 and found["missing"] == 0
    text = (tmp_path / "report.md").read_text()
    assert "![xor: loss curves](figures/learning-xor.png)" in text and "reproduce --case xor --study learning" in text
    before = {p: p.read_bytes() for p in (tmp_path / "figures").iterdir()}
    assert {p.suffix for p in before} == {".png", ".svg"}
    monkeypatch.setattr("gillespie_nn.studies.points.train", lambda *_, **__: pytest.fail("simulated"))
    assert command(tmp_path, "--redraw") == 0
    assert before == {p: p.read_bytes() for p in (tmp_path / "figures").iterdir()}
    gone = sorted((tmp_path / "points").glob("*.h5"))[0]
    gone.unlink()
    capsys.readouterr()
    assert command(tmp_path, "--redraw") == 0
    out = capsys.readouterr().out
    assert f"missing: {gone.stem}" in out and json.loads(out.splitlines()[-1])["missing"] == 1
    assert "1 point missing" in (tmp_path / "report.md").read_text()


def test_a_study_stays_in_the_report_when_another_is_carried_out(tiny, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    assert command(tmp_path) == 0
    first = (tmp_path / "report.md").read_text()
    given = ["--quick", "--case", "xor", "--seeds", "1", "--workers", "1", "--output", str(tmp_path)]
    assert main(["reproduce", "--study", "smoothing", *given]) == 0
    both = (tmp_path / "report.md").read_text()
    assert (
        "## xor: loss curves" in first and "## xor: loss curves" in both and "## xor: smooth ReLU for several" in both
    )
    assert "--study learning" in both and "--study smoothing" in both
    table = [line for line in first.splitlines() if line.startswith("| smooth ReLU |")]
    assert table and set(table) <= set(both.splitlines())  # over its own two seeds, still
    monkeypatch.setattr("gillespie_nn.studies.points.train", lambda *_, **__: pytest.fail("simulated"))
    assert main(["reproduce", "--study", "smoothing", *given, "--redraw"]) == 0
    again = (tmp_path / "report.md").read_text()
    assert again.replace(" --redraw", "") == both
    (tmp_path / "studies.json").write_text("nothing")
    capsys.readouterr()
    assert main(["reproduce", "--study", "smoothing", *given, "--redraw"]) == 2
    assert "studies.json is damaged: delete it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["--case", "iriss"], "unknown case 'iriss' (did you mean 'iris'?)"),
        (["--study", "omga"], "unknown study 'omga' (did you mean 'omega'?)"),
        (["--case", "xor", "--study", "confusion"], "no study of confusion applies to xor"),
        (["--seeds", "0"], "seeds must be at least 1"),
        (["--workers", "0", "--study", "smoothing"], "workers must be at least 1"),
        (["--time-limit", "-1", "--study", "smoothing"], "time limit must be positive"),
        (["--redraw", "--quick"], "run the command first without --redraw"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, what, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert main(["reproduce", *arguments, "--output", str(tmp_path / "out")]) == 2
    captured = capsys.readouterr()
    assert what in captured.err and "Traceback" not in captured.err


def test_without_matplotlib_one_sentence_and_nothing_is_simulated(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        runner.reproduce(STUDIES[:1], ["xor"], TINY, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_list(capsys):
    assert main(["reproduce", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(f"{s.name}: " in out for s in STUDIES)
