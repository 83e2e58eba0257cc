"""`bench --networks`: output of BioNetGen is read, programs that differ are noticed, bad input is refused.

`run_network` itself is optional. No test depends on how long anything takes."""

import json
import shlex
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from gillespie_nn import InputError, ReactionNetwork
from gillespie_nn.benchmarks import networks
from gillespie_nn.benchmarks import networks as agreement
from gillespie_nn.benchmarks.networks import Ours, cases
from gillespie_nn.cli import main
from gillespie_nn.peers import bionetgen
from gillespie_nn.peers.bionetgen import RunNetwork, TimedRun
from gillespie_nn.simulation import EXACT
from helpers.checks_of_chance import accept

TURNOVER = """begin parameters
    1 birth  50000
    2 death  1
    3 bind   2e-5
end parameters
begin species
    1 A() 10000
    2 B() 5000
    3 AB() 0
end species
begin reactions
    1 0 1 birth
    2 1 0 death
    3 0 2 birth
    4 2 0 death
    5 1,2 3 bind
    6 3 0 death
end reactions
begin groups
    1 Free   1,2
    2 AinAll 1,3
    3 AB     3
end groups
"""

REPORT = """run_network 3.0
Read 9 parameters from multistate.net
Average number of update rxns is 7.00
Initialization took 0.00 CPU seconds
Stochastic simulation using direct Gillespie algorithm
TOTAL STEPS: 1287701         \nTime course of concentrations written to file ms.cdat.
Propagation took 2.40e-01 CPU seconds
"""

GROUPS = """#              time                 A_P         A_unbound_P
 0.000000000000e+00  0.000000000000e+00  0.000000000000e+00
 1.000000000000e+03  1.180000000000e+02  7.000000000000e+00
"""


class Twin:
    """A peer that is this package with other seeds."""

    stretch = 1.0

    def __init__(self, path):
        self.ours = Ours(ReactionNetwork.from_bngl_net(str(path)), "direct")

    def run(self, t_end, seed):
        return self.ours.run(self.stretch * t_end, seed + 500_000)._replace(seconds=t_end)

    @classmethod
    def missing(cls):
        return ""

    @classmethod
    def version(cls):
        return "1.2.3"


class Slowed(Twin):
    """It simulates nine tenths of the time."""

    stretch = 0.9


class Broken(Twin):
    def run(self, t_end, seed):
        raise RuntimeError("no memory\nand more lines")


class Absent(Twin):
    @classmethod
    def missing(cls):
        return "twin is not installed: pip install twin"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "nets").mkdir()
    for name in ("another.net", "BCR.net", "notes.txt"):
        (tmp_path / "nets" / name).write_text(TURNOVER)
    return tmp_path / "nets"


@pytest.fixture
def nowhere(monkeypatch):
    """Neither the package, nor the environment variable, nor a program on the path."""
    monkeypatch.delenv("BNGPATH", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(bionetgen.importlib.util, "find_spec", lambda name: None)


def pretend(tmp_path, monkeypatch, code):
    """A program `run_network` that executes `code`, found through BNGPATH."""
    program = tmp_path / "BioNetGen" / "bin" / "run_network"
    program.parent.mkdir(parents=True)
    script = program.with_suffix(".py")
    script.write_text(f"import json, os, sys\nfrom pathlib import Path\n{code}\n")
    # Through a shell: the first line of a script cannot name a program in a folder with a space.
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BNGPATH", str(program.parent.parent))
    return program


def test_the_report_says_how_many_reactions_fired():
    assert bionetgen.events(REPORT) == 1287701
    with pytest.raises(RuntimeError, match="did not report TOTAL STEPS"):
        bionetgen.events("run_network 3.0\nedgepop: B()\n")


def test_the_last_row_of_a_table_has_the_values_at_the_end():
    assert bionetgen.last_row(GROUPS) == {"A_P": 118, "A_unbound_P": 7}
    without_end, cut = "\n".join(GROUPS.splitlines()[:2]), GROUPS.rsplit(" ", 1)[0]
    for table in ("", without_end, cut):
        with pytest.raises(RuntimeError, match="table is not complete"):
            bionetgen.last_row(table)


@pytest.mark.skipif(sys.platform == "win32", reason="needs programs with a first line that names the interpreter")
def test_a_run_is_one_process_with_the_file_the_end_and_a_seed(tmp_path, monkeypatch, folder):
    code = f"""
Path({str(tmp_path / "seen.json")!r}).write_text(json.dumps(sys.argv[1:]))
Path("run.gdat").write_text({GROUPS!r})
Path("run.cdat").write_text({GROUPS!r})
print({REPORT!r})
"""
    program = pretend(tmp_path, monkeypatch, code)
    (program.parent.parent / "VERSION").write_text("2.9.3\n")
    assert not RunNetwork.missing() and RunNetwork.version() == "2.9.3"
    run = RunNetwork(folder / "BCR.net").run(2.5, 6)
    assert run.events == 1287701 and run.groups == {"A_P": 118, "A_unbound_P": 7} and list(run.species) == [118, 7]
    assert run.seconds > 0  # an interpreter starts
    file = str((folder / "BCR.net").resolve())
    expected = ["-o", "run", "-p", "ssa", "-h", "7", "-g", file, file, "2.5", "1"]
    assert json.loads((tmp_path / "seen.json").read_text()) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="needs programs with a first line that names the interpreter")
@pytest.mark.parametrize(
    "code, why",
    [
        ("sys.exit('first\\nUndefined rate constant q at line 9.')", "Undefined rate constant q"),
        ("sys.exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 9)", "signal 9 ended it"),
    ],
)
def test_a_process_that_fails_says_why(tmp_path, monkeypatch, folder, code, why):
    pretend(tmp_path, monkeypatch, code)
    with pytest.raises(RuntimeError, match=why):
        RunNetwork(folder / "BCR.net").run(1.0, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="run_network is not measured there")
def test_a_program_that_is_missing_or_may_not_be_executed_says_what_to_do(tmp_path, monkeypatch, nowhere):
    assert "run_network is not installed: pip install bionetgen" in RunNetwork.missing()
    program = pretend(tmp_path, monkeypatch, "")
    program.chmod(0o600)
    monkeypatch.setattr(bionetgen.os, "access", lambda path, mode: False)  # root may do everything
    assert f"chmod +x {program}" in RunNetwork.missing()


def test_published_ratios_are_those_of_the_paper():
    ratios = {name: p.ratio for name, p in networks.PUBLISHED.items()}
    expected = {"multistate": 5.9, "multisite2": 5.6, "egfr_net": 20, "BCR": 94, "fceri_gamma2": 196}
    assert ratios == pytest.approx(expected, rel=0.01)
    assert {name: p.t_end for name, p in networks.PUBLISHED.items() if p.t_end != p.full_end} == {"BCR": 5.0}


def measured(folder, peer, **options):
    lines = []
    result = networks.networks_benchmark(folder, end_time=2.0, peer=peer, say=lines.append, **options)
    json.dumps(result)
    return result, lines


def test_there_is_a_row_for_each_file_and_published_names_have_the_published_ratio(folder):
    result, lines = measured(folder, Twin, repeats=2)
    bcr, another = result["networks"]
    assert (bcr["network"], bcr["t_end"], another["network"], another["t_end"]) == ("BCR", 5.0, "another", 2.0)
    assert bcr["published"]["ratio"] == networks.PUBLISHED["BCR"].ratio and "published" not in another
    assert (bcr["species"], bcr["reactions"]) == (3, 6)
    for row, line in zip(result["networks"], lines, strict=True):
        ours, theirs = row["methods"]["auto"], row["peer"]
        assert not {"failed", "differs"} & (set(ours) | set(theirs))
        # The twin's clock is the simulated time.
        assert theirs["seconds"] == pytest.approx([row["t_end"]] * 2, rel=1e-5) and len(set(theirs["events"])) == 2
        assert theirs["rate"] == pytest.approx(np.mean(theirs["events"]) / row["t_end"], rel=1e-5)
        assert ours["ratio"] == ours["rate"] / theirs["rate"] and ours["method"] in {m.name for m in EXACT}
        assert row["network"] in line and ours["method"] in line
    text = networks.report(result)
    assert "BioNetGen 1.2.3" in text and "Loman et al. 2023" in text and "93.6" in text
    rows = [line for line in networks.report(result, markdown=True).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 2 and len({line.count("|") for line in rows}) == 1


def test_exact_methods_and_the_published_end_are_measured_on_request(folder, monkeypatch):
    published = networks.PUBLISHED["BCR"]._replace(full_end=15.0)
    monkeypatch.setitem(networks.PUBLISHED, "BCR", published)
    result, _ = measured(folder, Twin, names=["BCR"], repeats=1, exact_methods=True, full=True)
    (row,) = result["networks"]
    assert set(row["methods"]) == {"auto", *(m.name for m in EXACT)}
    assert not any({"differs", "failed"} & set(record) for record in row["methods"].values())
    assert row["full"]["t_end"] == 15.0 and len(row["full"]["seconds"]) == 1
    assert row["full"]["events"][0] > 2 * row["methods"]["auto"]["events"][0]
    assert "ratio" not in row["full"]  # events cost BioNetGen more later in a run
    assert "BCR, end time 15: one run; published 428 s for Catalyst and 40068 s for BioNetGen" in networks.report(
        result
    )


def test_a_program_that_simulates_something_else_has_no_ratio(folder):
    result, _ = measured(folder, Slowed, names=["another"], repeats=1)
    (row,) = result["networks"]
    assert "events" in row["peer"]["differs"] and "rate" in row["peer"]
    assert "ratio" not in row["methods"]["auto"]
    assert f"another, BioNetGen: {row['peer']['differs']}" in networks.report(result)


def test_without_the_other_program_ours_is_measured(folder):
    for peer, said in (
        (Broken, "another, BioNetGen: RuntimeError: no memory"), (Absent, "pip install twin"), (None, "Versions"),
    ):  # fmt: skip
        result, _ = measured(folder, peer, names=["another"], repeats=1)
        (row,) = result["networks"]
        assert row["methods"]["auto"]["rate"] > 0 and "ratio" not in row["methods"]["auto"]
        assert said in networks.report(result)


def test_a_method_of_ours_that_differs_has_no_ratio(folder, monkeypatch):
    def wrong(self, t_end, seed, run=Ours.run):
        return run(self, (0.9 if self._asked == "rejection" else 1.0) * t_end, seed)

    monkeypatch.setattr(Ours, "run", wrong)
    result, _ = measured(folder, Twin, names=["another"], repeats=1, exact_methods=True)
    methods = result["networks"][0]["methods"]
    assert {name for name, record in methods.items() if "differs" in record} == {"rejection"}
    assert {name for name, record in methods.items() if "ratio" not in record} == {"rejection"}


def test_where_ours_fails_nothing_is_compared(folder, monkeypatch):
    def fails(self, t_end, seed, run=Ours.run):
        if seed and self._asked == "auto":  # not when the file is read
            raise RuntimeError("a propensity overflowed")
        return run(self, t_end, seed)

    monkeypatch.setattr(Ours, "run", fails)
    result, lines = measured(folder, Twin, names=["another"], repeats=1)
    (row,) = result["networks"]
    assert row["check_end"] is None and "rate" in row["peer"] and "ratio" not in row["methods"]["auto"]
    assert "a propensity overflowed" in lines[0] and "another, auto: RuntimeError: a prop" in networks.report(result)


def runs(rng, mean, n_species=2, groups=("Free",)):
    return [
        TimedRun(1.0, int(rng.poisson(1000)), {g: rng.poisson(mean) for g in groups}, rng.poisson(mean, n_species))
        for _ in range(agreement.RUNS)
    ]


@pytest.mark.parametrize("groups", [("Free",), ()])
def test_means_that_differ_are_noticed_and_others_are_not(groups):
    rng = np.random.default_rng(1)
    reference = runs(rng, 400, groups=groups)
    assert agreement.difference(reference, runs(rng, 400, groups=groups)) == ""
    what = agreement.difference(reference, runs(rng, 500, groups=groups))
    assert (groups[0] if groups else "species 1") in what and "events" not in what
    with pytest.raises(ValueError, match="it has 3 species, not 2"):
        agreement.difference(reference, runs(rng, 400, 3, groups))


def test_false_alarms_are_as_rare_as_stated():
    rng = np.random.default_rng(2)
    n = 2000
    alarms = sum(bool(agreement.difference(runs(rng, 3), runs(rng, 3))) for _ in range(n))
    accept(binom.sf(alarms - 1, n, agreement.LEVEL), "alarms where nothing differs")


def test_groups_that_only_one_side_names_are_not_compared():
    rng = np.random.default_rng(3)
    a, b = runs(rng, 400, groups=("Free", "k")), runs(rng, 400, groups=("Free", "other"))
    assert agreement.difference(a, b) == ""


def test_compared_runs_are_short(folder):
    (case,) = cases(folder, ["another"], 10.0)
    program = Ours(case.network, "direct")
    end = agreement.check_end(program, case.t_end)
    assert end < case.t_end and agreement.EVENTS <= program.run(end, 0).events < 3 * agreement.EVENTS
    assert agreement.check_end(program, 0.01) == 0.01


@pytest.mark.parametrize(
    "arguments, what",
    [
        (["--networks", "nowhere"], "networks nowhere does not exist: give a folder with .net files"),
        (["--networks", "nets/BCR.net"], "networks nets/BCR.net is a file: give a folder"),
        (["--networks", "empty"], "no .net files in empty"),
        (["--networks", ""], "networks must be the path of a folder, got ''"),
        (["--networks", "nets"], "no end time is known for another: add --end-time T"),
        (["--networks", "nets", "--end-time", "-1"], "end time must be positive"),
        (["--networks", "nets", "--case", "bcr"], "unknown network 'bcr' (did you mean 'BCR'?)"),
        (["--networks", "bad"], "bad/BCR.net: line 16: the rate"),
        (["--networks", "halves"], "halves/BCR.net"),
        (["--networks", "nets", "--replicates", "5"], "--networks cannot be combined with --replicates"),
        (["--full"], "--full only applies to --networks: add it, or omit --full"),
        (["--end-time", "5"], "--end-time only applies to --networks"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(folder, arguments, what, monkeypatch, capsys):
    monkeypatch.chdir(folder.parent)
    for name, text in (
        ("bad", TURNOVER.replace("1,2 3 bind", "1,2 3 Bind")),
        ("halves", TURNOVER.replace("A() 10000", "A() 0.5")),
    ):
        Path(name).mkdir()
        (Path(name) / "BCR.net").write_text(text)
    Path("empty").mkdir()
    assert main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert what in error and len(error.strip().splitlines()) == 1


def test_the_command_prints_the_table(folder, nowhere, capsys):
    assert main(["bench", "--networks", str(folder), "--case", "BCR", "--repeats", "1", "--json"]) == 0
    out = capsys.readouterr().out
    assert "events/s" in out and "run_network is not" in out
    result = json.loads(out.splitlines()[-1])
    assert [row["network"] for row in result["networks"]] == ["BCR"] and "pip install" in result["peer"]["missing"]


def test_bionetgen_simulates_the_same_network(folder):
    if missing := RunNetwork.missing():
        pytest.skip(missing)
    result, _ = measured(folder, RunNetwork, names=["another"], repeats=1)
    (row,) = result["networks"]
    assert not {"differs", "failed"} & set(row["peer"]) and "ratio" in row["methods"]["auto"]


def test_files_of_the_same_stem_need_the_ending(folder):
    assert [c.name for c in cases(folder, (), 1.0)] == ["BCR", "another"]
    with pytest.raises(InputError, match="unknown network 'notes'"):
        cases(folder, ["notes"])
