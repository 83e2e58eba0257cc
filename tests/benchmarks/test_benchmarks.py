"""Benchmarks: their tables are complete, and what is compared is the same model. No test depends on how long anything
takes."""

import json

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn import benchmarks
from gillespie_nn.benchmarks import everyday, leap_errors, starting
from gillespie_nn.benchmarks.everyday import MODELS, N_POINTS
from gillespie_nn.benchmarks.timing import one_core
from gillespie_nn.cli import main
from gillespie_nn.peers import PEERS, CopasiAdaptive, Job, Peer
from gillespie_nn.simulation import EXACT

FEW = 60


def simulated(job, n, seed, t_end=None):
    return gnn.simulate(job.network, t_end or job.t_end, N_POINTS, replicates=n, seed=seed, progress=False)


class Twin(Peer):
    """A peer that is this package with another seed."""

    name = "twin"
    modules = ("numpy",)
    distribution = "numpy"
    install = "numpy"

    def __init__(self, job):
        self.job = job

    def run(self, n, seed):
        return simulated(self.job, n, seed + 1000)

    def counts(self, result):
        return result.counts


class Slowed(Twin):
    """It simulates only half of the time."""

    name = "slowed"

    def run(self, n, seed):
        return simulated(self.job, n, seed + 1000, self.job.t_end / 2)


class Hidden(Twin):
    name = "hidden"
    documented = False


class Absent(Twin):
    name = "absent"
    modules = ("no_such_program",)
    install = "no-such-program"


class Unloadable(Twin):
    name = "unloadable"

    def __init__(self, job):
        raise RuntimeError("no compiler\nand more lines")


class Broken(Twin):
    """It fails when it is timed, after a first run without a fault."""

    name = "broken"

    def run(self, n, seed):
        if seed:
            raise ValueError("out of memory")
        return super().run(n, seed)


class Shifted(Twin):
    """It leaves out the start, and is off by one point."""

    name = "shifted"

    def counts(self, result):
        return np.roll(result.counts, -1, axis=1)


class Short(Twin):
    name = "short of a point"

    def counts(self, result):
        return result.counts[:, 1:]


@pytest.fixture(scope="module")
def measured():
    peers = (Twin, Hidden, Slowed, Absent, Unloadable, Broken, Shifted, Short)
    lines = []
    return everyday.everyday_benchmark(("dimerisation",), 2, 5 * FEW, peers=peers, say=lines.append), lines


def test_there_is_a_row_for_each_model_and_length_and_a_record_for_each_program(measured):
    result, lines = measured
    assert [(row["model"], row["length"], row["replicates"]) for row in result["ensembles"]] == [
        ("dimerisation", "short", 5 * FEW),
        ("dimerisation", "long", FEW),
    ]
    for row, line in zip(result["ensembles"], lines, strict=True):
        assert set(row["programs"]) == {
            "gillespie-nn", "twin", "hidden", "slowed", "unloadable", "broken", "shifted", "short of a point",
        }  # fmt: skip
        for name in ("gillespie-nn", "twin", "hidden"):
            record = row["programs"][name]
            assert len(record["seconds"]) == 2 and not {"differs", "failed"} & set(record), name
        assert row["programs"]["gillespie-nn"]["method"] in {m.name for m in EXACT}
        assert row["fastest"] == "twin" and row["fastest_of_all"] in ("twin", "hidden")
        ours = row["programs"]["gillespie-nn"]["median"]
        assert row["faster_by"] == row["programs"]["twin"]["median"] / ours
        assert "dimerisation" in line and row["length"] in line
    json.dumps(result)


def test_a_program_that_simulates_something_else_says_so_and_is_not_the_fastest(measured):
    result, _ = measured
    for row in result["ensembles"]:
        programs = row["programs"]
        assert "shape" in programs["short of a point"]["failed"]
        assert "started at" in programs["shifted"]["failed"]
        # In a long run only the first point shows it: at the end, both are stationary.
        assert "P2 " in programs["slowed"]["differs"] and "median" in programs["slowed"]


def test_a_program_that_is_missing_or_fails_says_so_in_one_line(measured):
    result, _ = measured
    programs = result["ensembles"][0]["programs"]
    assert programs["unloadable"] == {"failed": "RuntimeError: no compiler"}
    assert programs["broken"]["failed"] == "ValueError: out of memory" and "median" not in programs["broken"]
    text = everyday.report(result)
    assert "absent is not installed: pip install no-such-program" in text
    assert "dimerisation, short, unloadable: RuntimeError: no compiler" in text
    assert "dimerisation, short, slowed: means differ" in text
    assert "hidden: the program does not document" in text
    assert all(line in everyday.report(result, markdown=True) for line in everyday.report(result).splitlines()[-3:])


def test_tables_have_a_cell_for_each_column(measured):
    result, _ = measured
    lines = [line for line in everyday.report(result, markdown=True).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(result["ensembles"]) and len({line.count("|") for line in lines}) == 1


def test_exact_methods_are_measured_on_request():
    result = everyday.everyday_benchmark(("toggle_switch",), 1, FEW, exact_methods=True, peers=())
    for row in result["ensembles"]:
        assert set(row["programs"]) == {"gillespie-nn", *(f"gillespie-nn {m.name}" for m in EXACT)}
        assert not any("differs" in record for record in row["programs"].values())
        assert "fastest" not in row
    assert everyday.report(result)


@pytest.mark.parametrize("name", MODELS)
def test_runs_have_about_100_and_1000_events(name):
    model = MODELS[name]
    for t_end, events in ((model.short, 100), (model.long, 1000)):
        result = simulated(model.job(t_end), 300, 1)
        assert 0.85 * events < result.n_events.mean() < 1.15 * events
    assert 7e5 < simulated(model.job(model.very_long), model.few, 1).n_events.sum() < 1.4e6
    assert model.source


def test_the_hill_functions_are_the_laws_of_the_text():
    model = MODELS["toggle_switch"]
    job = model.job(1.0)
    laws = [c for c in job.channels() if c.hill is not None]
    assert {c.name for c in laws} == {r.name for r in job.network.reactions if r.law is not None}
    for u, v in ((0, 0), (5, 27), (100, 3), (1, 200)):
        rates = {
            r.name: r.rate * eval(str(job.network.resolved(r.law)).replace("^", "**"), {"U": u, "V": v} | PARAMETERS)
            for r in job.network.reactions
            if r.law is not None
        }
        for c in laws:
            assert eval(c.formula("**"), {"U": u, "V": v}) == pytest.approx(rates[c.name], rel=1e-12)


PARAMETERS = dict(MODELS["toggle_switch"].network().parameters)


def test_a_law_without_a_hill_function_is_refused():
    with pytest.raises(ValueError, match="make_U is neither mass action nor a Hill function"):
        MODELS["toggle_switch"]._replace(hill={}).job(1.0).channels()


def test_a_formula_is_the_propensity_of_mass_action():
    shrink = next(c for c in MODELS["schlogl"].job(1.0).channels() if c.name == "shrink")
    assert eval(shrink.formula(), {"X": 7}) == pytest.approx(1e-4 / 6 * 7 * 6 * 5)
    assert shrink.pairs() == pytest.approx(1e-4) and shrink.left() == ["X"] * 3 and shrink.right() == ["X"] * 2


@pytest.mark.parametrize("peer", PEERS, ids=lambda p: p.name)
def test_other_programs_simulate_the_same_models(peer):
    if peer.missing():
        pytest.skip(peer.missing())
    result = everyday.everyday_benchmark(repeats=1, replicates=300, peers=(peer,))
    records = {(row["model"], row["length"]): row["programs"][peer.name] for row in result["ensembles"]}
    assert len(records) == 2 * len(MODELS)
    assert not {k: r for k, r in records.items() if {"differs", "failed"} & set(r)}


def test_a_peer_names_its_install_command():
    assert Absent.missing() == "absent is not installed: pip install no-such-program" and not Twin.missing()
    assert len({p.name for p in PEERS}) == len(PEERS)


def test_the_table_of_training_networks_has_a_row_for_each_program():
    ours = {"seconds": 0.5, "events_per_second": 2e6, "ns_per_event": 500.0}
    theirs = ours | {"version": "1.2", "start_up_seconds": 0.1, "rejection_is_times_faster": 3.0, "with_start_up": 3.6}
    peers = {"a": theirs, "b": {"missing": "b is not installed"}, "c": {"left_out": "too many"}, "d": {"failed": "no"}}
    case = {"events": 1e6, "methods": {"rejection": ours}, "peers": peers, "storing_100_points": {"median": 0.02}}
    machine = {"processor": "CPU", "python": "3.12"}
    found = {"machine": machine, "repeats": 3, "volume": 1e3, "draws_ns": 2.0, "cases": {"2-4-1": case}}
    shown = benchmarks.table(found)
    assert [row[1:3] for row in shown.rows] == [
        ("gillespie-nn `rejection`", "0"), ("a 1.2", "0.1"), ("b", "not installed"), ("c", "too many"),
        ("d", "failed to run"), ("storing 100 points", "+2.0 % (median)"),
    ]  # fmt: skip
    assert {len(row) for row in shown.rows} == {len(shown.columns)} and shown.rows[1][-2:] == ("3.0", "3.6")


def test_the_adaptive_method_of_copasi_answers_or_says_why_not():
    job = Job(MODELS["birth_death"].network(), 5.0, 2)
    found = leap_errors.copasi_adaptive(job, 2)
    if CopasiAdaptive.missing():
        assert found == {"missing": "COPASI, adaptive SSA/tau is not installed: pip install copasi-basico"}
    else:
        assert found["runs"] == 2 and found["seconds"] > 0


def test_one_core_is_given_back():
    import os

    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not confine processes to cores")
    before = os.sched_getaffinity(0)
    with one_core() as confined:
        assert confined and len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_overhead_is_measured_for_each_number_of_species_and_size_of_a_replicate():
    lines = []
    rows = starting.overhead(2, (1, 3), (51, 102), (40, 10), say=lines.append)
    assert [(r["n_species"], r["n_points"], r["in_file"], r["bytes"]) for r in rows] == [
        (1, 51, False, 408), (3, 51, False, 1224), (1, 51, True, 408), (3, 51, True, 1224), (5, 102, True, 4080),
    ]  # fmt: skip
    assert all(len(r["seconds"]) == 2 for r in rows) and len(lines) == len(rows)
    # As many events as the sentence says, whatever the number of species.
    assert all(80 < r["events"] < 100 for r in rows)


def test_the_chain_is_stationary():
    from gillespie_nn.benchmarks.starting import chain

    for n in (1, 2, 3, 5, 8):
        network = chain(n)
        start = network.counts()
        assert len(network.species) == n and len(network.reactions) == n + 1
        rates = [r.rate * np.prod([start[network.index[s]] for s, _ in r.reactants]) for r in network.reactions]
        assert np.allclose(rates, 1.0)


def test_a_first_run_compiles_and_the_second_finds_the_kernels():
    # One small kernel: those of a method take a minute.
    kernel = "import numpy\nfrom gillespie_nn.kernels.generator import draw_pairs\n"
    kernel += "bits = numpy.random.SFC64(1)\n"
    kernel += "draw_pairs(numpy.uint64(bits.ctypes.state_address), 10)"
    cases = [starting.ColdCase("import", "import gillespie_nn"), starting.ColdCase("one kernel", kernel)]
    lines = []
    result = starting.cold_benchmark(1, cases, lines.append)
    plain, compiled = result["cases"]
    assert plain["compiled"] == 0 and compiled["compiled"] > 0
    # Compiling costs CPU time, however busy the machine is.
    assert compiled["cold_cpu"] > compiled["warm_cpu"] > plain["warm_cpu"] > 0
    assert len(lines) == 2


def test_a_first_run_that_fails_says_why():
    result = starting.cold_benchmark(1, [starting.ColdCase("broken", "import sys\nsys.exit('no such kernel')")])
    assert result["cases"] == [{"name": "broken", "failed": "no such kernel"}]


def test_first_runs_are_of_every_method_with_and_without_a_law():
    names = {c.name for c in starting.cold_cases()}
    for method in gnn.simulation.methods.METHODS:
        assert {method.name, f"{method.name}, Hill law"} <= names
    assert {"import gillespie_nn", "auto, starts at 0", "auto, starts at 1000", "train xor"} <= names
    for case in starting.cold_cases():
        compile(case.code, case.name, "exec")


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["--everyday", "--case", "2-4-1"], "unknown benchmark case '2-4-1'"),
        (["--everyday", "--replicates", "0"], "replicates must be"),
        (["--everyday", "--workers", "2"], "--everyday cannot be combined with --workers"),
        (["--cold", "--peers"], "--cold cannot be combined with --peers"),
        (["--replicates", "5"], "--replicates only applies to --everyday: add it, or omit --replicates"),
        (["--exact-methods"], "--exact-methods only applies to --everyday"),
        (["--workers", "2"], "--workers only applies to --ensemble"),
    ],
)
def test_flags_that_do_not_fit_are_refused(arguments, what, capsys):
    assert main(["bench", *arguments]) == 2
    assert what in capsys.readouterr().err


def test_the_command_prints_the_table(capsys):
    command = [
        "bench",
        "--everyday",
        "--no-peers",
        "--case",
        "birth_death",
        "--replicates",
        "50",
        "--repeats",
        "1",
        "--json",
    ]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "Microseconds a replicate, median of 1" in out
    assert [row["length"] for row in json.loads(out.splitlines()[-1])["ensembles"]] == ["short", "long"]
