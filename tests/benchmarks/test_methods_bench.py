"""The benchmark of the methods: its models start and fire, and its tables are complete. No test depends on how long
anything takes."""

import json

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.benchmarks import method_models, method_times
from gillespie_nn.benchmarks.method_times import FIXED_ON, HELD_OUT, MODELS
from gillespie_nn.cli import main
from gillespie_nn.simulation import EXACT
from gillespie_nn.simulation.methods import AUTO

EVENTS = 300
CASES = ("birth_death", "sir", "toggle_switch", "switches")


@pytest.fixture(scope="module")
def measured():
    lines = []
    return method_times.methods_benchmark(CASES, 2, EVENTS, lines.append), lines


@pytest.mark.parametrize("name", MODELS)
def test_every_model_starts_and_fires(name):
    model = MODELS[name]
    network, replicates = model.make(), 10 if model.each else 1
    with pytest.warns(UserWarning, match="stopped at the event limit"):
        result = gnn.simulate(network, model.t_end, 2, max_events=50, replicates=replicates, seed=1, progress=False)
    assert result.n_events.max() == 50
    # Only an epidemic that begins with one person can end before.
    assert (result.n_events == 50).all() or name == "sir"
    assert model.source and model.group in (FIXED_ON, HELD_OUT)
    family, _, size = name.rpartition("_")
    if family in ("chain", "ring"):
        assert len(network.reactions) == int(size)
    if family == "lattice":
        assert len(network.species) == int(size)


def test_there_are_thirty_models_or_more_of_all_sizes_and_ten_others():
    groups = [model.group for model in MODELS.values()]
    assert groups.count(FIXED_ON) >= 30 and groups.count(HELD_OUT) == 10
    assert len(MODELS["pure_birth"].make().reactions) == 1
    assert MODELS["mapk_cascade"].make().stoichiometry.shape == (22, 30)
    assert len(method_models.outer_product(4).splitlines()) == 4 * (4 + 4 + 4 + 2)


def test_networks_drawn_at_random_are_the_same_each_time():
    for text in (method_models.random_network, method_models.signalling):
        sizes = (20, 30, 7, 2.0, 10) if text is method_models.random_network else (10, 5, 7)
        assert text(*sizes) == text(*sizes)
    first = method_models.random_network(20, 30, 7, 2.0, 10).splitlines()[0]
    assert first == "R3 + R13 <-> R1 + R10 @ 0.05387382780493347, 0.0130616442051801"


def test_each_row_has_all_methods_and_the_comparison(measured):
    result, lines = measured
    rows = result["models"]
    assert [row["model"] for row in rows] == list(CASES) and len(lines) == len(rows)
    for row, line in zip(rows, lines, strict=True):
        assert list(row["methods"]) == [*(m.name for m in EXACT), AUTO]
        for record in row["methods"].values():
            assert len(record["cpu_seconds"]) == 2 and record["start_up_seconds"] > 0
            assert record["events"] == EVENTS or row["model"] == "sir"
        assert row["auto_chose"] in {m.name for m in EXACT}
        assert line.startswith(row["model"])
    by_name = {row["model"]: row for row in rows}
    toggle = by_name["toggle_switch"]
    assert (toggle["n_species"], toggle["n_reactions"], toggle["n_laws"], toggle["group"]) == (2, 4, 2, FIXED_ON)
    assert by_name["switches"]["group"] == HELD_OUT
    # Each of its two reactions changes the propensity of one, the loss.
    assert by_name["birth_death"]["dependents"] == 1.0
    json.dumps(result, allow_nan=False)


def test_start_up_is_subtracted_and_the_least_time_counts():
    record = method_times._record([(3.0, 1000), (2.0, 1000)], 0.5)
    assert record["ns_per_event"] == pytest.approx(1.5e6) and record["events"] == 1000
    # An event cannot take no time: then there were too few of them.
    assert method_times._record([(0.5, 10)], 0.5)["ns_per_event"] is None


class Simulated:
    method = "direct"

    def __init__(self, events):
        self.n_events = np.array([events])


def clock(monkeypatch, start_up, per_event):
    """Replace simulations by ones that take `start_up` and for each event `per_event[method]` [s]."""

    def timed(network, method, size, seed):
        events = 0 if size.t_end < 1e-9 else size.max_events
        return start_up + events * per_event[method], Simulated(events)

    monkeypatch.setattr(method_times, "_timed", timed)


def test_the_ratio_is_that_of_auto_to_the_best_method(monkeypatch):
    seconds = dict.fromkeys(method_times.METHODS, 4e-8) | {"optimized_direct": 1e-8, "rejection": 2e-8, AUTO: 2.5e-8}
    clock(monkeypatch, 0.25, seconds)
    result = method_times.methods_benchmark(("birth_death", "dimerisation", "p53_oscillator"), 2)
    for row in result["models"]:
        assert row["best"] == "optimized_direct" and row["auto_over_best"] == pytest.approx(2.5)
        assert row["methods"]["direct"]["ns_per_event"] == pytest.approx(40)
    result["models"][1]["auto_over_best"] = 3.0
    assert method_times._worst(result["models"]) == {
        FIXED_ON: {"model": "dimerisation", "auto_over_best": 3.0},
        HELD_OUT: {"model": "p53_oscillator", "auto_over_best": pytest.approx(2.5)},
    }


def test_a_slow_method_is_timed_over_fewer_events(monkeypatch):
    clock(monkeypatch, 0.1, dict.fromkeys(method_times.METHODS, 1e-7) | {"direct": 1e-3})
    result = method_times.methods_benchmark(("birth_death",), 1)
    records = result["models"][0]["methods"]
    # 2,000 events take 2 s, and 20,000 would take too long.
    assert records["direct"]["events"] == 2000 and records["rejection"]["events"] == method_times.EVENTS
    assert records["direct"]["ns_per_event"] == pytest.approx(1e6)
    assert "direct: birth_death (2000)" in method_times.report(result) and "rejection: " not in method_times.report(
        result
    )


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.each])
def test_models_that_die_out_are_replicates_with_about_as_many_events(name):
    model = MODELS[name]
    size = method_times._Size.of(model, 10 * model.each)
    assert size.replicates == 10 and size.max_events is None
    result = gnn.simulate(model.make(), model.t_end, 2, replicates=20, seed=1, progress=False)
    assert 0.5 * model.each < result.n_events.mean() < 2.0 * model.each
    start_up = gnn.simulate(model.make(), size.start_up().t_end, 2, replicates=10, seed=1, progress=False)
    assert start_up.n_events.sum() == 0


def test_tables_have_a_cell_for_each_column_and_end_with_the_worst_ratios(measured):
    result, _ = measured
    in_markdown = method_times.report(result, markdown=True)
    tables = [line for line in in_markdown.splitlines() if line.startswith("|")]
    assert len(tables) == 2 * 2 + len(CASES) and len({line.count("|") for line in tables}) == 1
    text = method_times.report(result)
    for group in result["worst"]:
        assert group in (FIXED_ON, HELD_OUT)
        assert f"Worst of the group '{group}'" in text and f"- Worst of the group '{group}'" in in_markdown
    for name in CASES:
        assert name in text


def test_a_row_without_a_measurement_has_no_ratio(measured):
    result, _ = measured
    row = dict(result["models"][0], auto_over_best=None)
    assert "not measured" in method_times._sentence(row)
    assert method_times._worst([row]) == {}
    assert " -" in method_times.report(result | {"models": [row], "worst": {}})


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["--methods", "--case", "chain_6"], "unknown benchmark case 'chain_6' (did you mean 'chain_60'"),
        (["--methods", "--peers"], "--methods cannot be combined with --peers"),
        (["--methods", "--repeats", "0"], "repeats must be"),
    ],
)
def test_flags_that_do_not_fit_are_refused(arguments, what, capsys):
    assert main(["bench", *arguments]) == 2
    assert what in capsys.readouterr().err


def test_an_unknown_model_is_refused():
    with pytest.raises(gnn.InputError, match="unknown model 'chain_6'"):
        method_times.methods_benchmark(("chain_6",))


def test_the_command_prints_the_table(capsys, monkeypatch):
    monkeypatch.setattr(method_times, "LONGEST", 0.0)
    assert main(["bench", "--methods", "--case", "birth_death", "--repeats", "1", "--markdown", "--json"]) == 0
    out = capsys.readouterr().out
    assert "| model | species | reactions | laws | events | direct |" in out
    assert json.loads(out.splitlines()[-1])["models"][0]["model"] == "birth_death"
