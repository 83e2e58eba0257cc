"""What to cite is said of everything, and of what a run used; the file for machines says the same."""

import json
import re

import pytest

import gillespie_nn as gnn
from gillespie_nn import analysis
from gillespie_nn.cli import main
from gillespie_nn.simulation import METHODS, ONLY_TRAINING
from helpers.golden_files import GOLDEN
from helpers.paths import ROOT

FIELDS = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers", "keywords",
    "license", "license-url", "message", "preferred-citation", "references", "repository", "repository-artifact",
    "repository-code", "title", "type", "url", "version",
}  # fmt: skip


@pytest.mark.parametrize("method", (*METHODS, *ONLY_TRAINING), ids=lambda m: m.name)
def test_every_method_names_whole_references(method):
    for reference in method.reference.split("; "):
        assert re.fullmatch(r"[A-Z]\. .+ \((19|20)\d\d\) [\d-]+, doi:10\.\d{4,}/\S+", reference)


def test_cite_prints_every_reference(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--cite"])
    said = capsys.readouterr().out
    assert end.value.code == 0 and f"version {gnn.__version__}" in said and "arXiv:2410.11919" in said
    for method in (*METHODS, *ONLY_TRAINING):
        for reference in method.reference.split("; "):
            assert f"{method.name}: {reference}" in said
    for doi in ("10.1098/rsif.2021.0031", "10.1103/PhysRev.36.823"):
        assert doi in said


def test_a_training_run_is_cited_by_what_it_used(tmp_path, capsys):
    run = str(tmp_path / "run.h5")
    noise = ["--rate-noise", "0.01", "--rate-noise-kind", "ornstein_uhlenbeck"]
    asked = ["xor", "--method", "tau_leap", "--presentations", "2", "--running-time", "1", "--seed", "0", *noise]
    assert main(["train", *asked, "--output", run]) == 0
    assert main(["analyze", run, "--cite", "--json"]) == 0
    out = capsys.readouterr().out
    found = json.loads(out.splitlines()[-1])["references"]
    assert list(found) == ["gillespie-nn", "kang_kim", "tau_leap", "smooth_relu", "ornstein_uhlenbeck"]
    assert "tau_leap: Y. Cao, D. T. Gillespie, L. R. Petzold" in out


@pytest.mark.parametrize("record", ["trajectories", "moments"])
def test_an_ensemble_is_cited_by_its_method_alone(record, tmp_path):
    net = gnn.ReactionNetwork.from_text("A -> 0 @ 1\nA = 5")
    run = gnn.simulate(net, 1.0, method="direct", replicates=2, seed=0, record=record, output=tmp_path / "run.h5")
    assert list(analysis.citations_of(run)) == ["gillespie-nn", "direct"]


@pytest.mark.parametrize("path", GOLDEN.values())
def test_runs_of_old_versions_are_cited_too(path):
    with gnn.open_run(path) as run:
        assert {"gillespie-nn", run.method} <= set(analysis.citations_of(run))


def test_the_file_for_machines_is_valid_and_of_this_version():
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(found) <= FIELDS
    assert found["cff-version"] == "1.2.0" and found["version"] == gnn.__version__ and found["type"] == "software"
    assert found["authors"] == [{"name": "the gillespie-nn developers"}]
    every = " ".join(r for references in analysis.citations().values() for r in references)
    for reference in found["references"]:
        assert {"type", "title", "authors"} <= set(reference)
        assert (reference.get("doi") or reference["url"].rpartition("/")[2]) in every
        assert all(author["family-names"] in every for author in reference["authors"])
