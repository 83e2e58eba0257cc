"""Mutated models and files, killed runs, and the command that executes them: `run.py`."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import gillespie_nn as gnn
from gillespie_nn.crn.formats import format_named
from robustness import hostile_files, hostile_models, killed_runs, run
from robustness.attempts import Report, outcome_of, outcomes


def test_hostile_models_end_in_a_result_or_a_clear_error():
    pytest.importorskip("antimony")
    (report,) = hostile_models.run("direct", 5, 1000)
    assert report.verdict == "holds", str(report)
    assert report.ends["simulated"] > 100


def test_hostile_files_open_or_are_refused_in_a_sentence(tmp_path):
    hostile_files.make_originals(tmp_path)
    results = outcomes(100, partial(hostile_files.attempt, tmp_path, 7))
    assert {k: v for k, v in results.items() if v not in ("opened", "refused")} == {}
    assert min(list(results.values()).count(kind) for kind in ("opened", "refused")) > 10


def test_a_reader_that_raises_is_noticed(monkeypatch):
    monkeypatch.setattr(
        hostile_models, "format_named", lambda name: replace(format_named(name), read=lambda text: 1 / 0)
    )
    assert outcome_of(partial(hostile_models.attempt, 1, "direct"), 1).startswith("ZeroDivisionError")


def test_killed_runs_are_resumed_to_the_same_content():
    report = killed_runs.report_of_run("an ensemble", partial(killed_runs.ensemble, "direct", 24), 3, 4)
    assert report.failures == [] and sum(report.ends.values()) == 4, str(report)


def _changes(path):
    """A run whose content is another one each time, as if a resumed run had lost something."""
    seed = len(list(Path(path).parent.glob("*.h5")))
    gnn.simulate(gnn.ReactionNetwork.from_text("0 -> A @ 5"), 1.0, 3, seed=seed, output=path).close()


def test_a_run_with_different_content_is_a_failure():
    report = killed_runs.report_of_run("changes", _changes, 3, 1)
    assert report.verdict == "fails" and "different content" in report.failures[0]


def _trial(failures, ends):
    def attempts(method, seed, n):
        yield Report(f"{n} things", ends, failures, ("good",))

    return run.Trial("things", attempts, 7)


@pytest.mark.parametrize(
    "failures, good, code, word", [([], 3, 0, "holds"), (["2: odd"], 3, 1, "fails"), ([], 0, 1, "fails")]
)
def test_the_command_prints_verdicts_and_ends_with_their_code(failures, good, code, word, monkeypatch, capsys):
    monkeypatch.setattr(run, "TRIALS", {"things": _trial(failures, {"good": good})})
    assert run.main(["things", "--method", "direct", "--attempts", "3"]) == code
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"things, direct, 3 things: {word} ({good} good") and last.startswith(f"{word}: ")
    assert all(failure in first for failure in failures)


def test_every_exact_method_is_tried_with_its_default_number(monkeypatch, capsys):
    monkeypatch.setattr(run, "TRIALS", {"things": _trial([], {"good": 1}), "more": _trial([], {"good": 1})})
    assert run.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * len(run.EXACT) + 1 and all("7 things" in line for line in lines[:-1])


@pytest.mark.parametrize(
    "arguments, word",
    [(["hostile"], "hostile-models"), (["--attempts", "0"], "attempts"), (["--seed", "-1"], "seed"),
     (["--method", "directt"], "direct")],
)  # fmt: skip
def test_a_mistake_in_the_arguments_is_named(arguments, word, capsys):
    with pytest.raises(SystemExit) as end:
        run.main(arguments)
    assert end.value.code == 2 and word in capsys.readouterr().err


def test_the_list_names_everything(capsys):
    assert run.main(["--list"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == list(run.TRIALS)
