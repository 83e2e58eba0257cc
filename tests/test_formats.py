"""The table of model formats: each reads its examples and what it writes, and everything that reads models uses it."""

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from naive import propensity

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.crn.formats import FORMATS, format_named, format_of
from gillespie_nn.crn.parts import Parts
from gillespie_nn.verification import hostile

MODEL = """
@volume 2.0
bind: 2 A + B -> C @ 0.5
make: 0 -> A @ propensity(V * (1 + sin(time)) / (1 + total))
lose: C -> 0 @ 0.25
@parameter V = 3
@rule total = A + 2 * C
@event feed: when A < 2; set A = A + 5; delay 0.5
A = 12
B = 3
"""
every = pytest.mark.parametrize("form", FORMATS, ids=lambda f: f.name)


def _needs(form):
    for library in {"sbml": ("libsbml", "antimony")}.get(form.extra, ()):
        pytest.importorskip(library)


def test_names_titles_and_endings_are_of_one_format_each():
    endings = [ending for form in FORMATS for ending in form.endings]
    assert len(set(endings)) == len(endings) and all(e == e.lower() and e.startswith(".") for e in endings)
    for what in ("name", "title"):
        assert len({getattr(form, what) for form in FORMATS}) == len(FORMATS)


def test_a_format_is_found_by_its_name_and_by_the_ending_of_a_file():
    for form in FORMATS:
        assert format_named(form.name) is form
        for ending in form.endings:
            assert format_of(f"a.b/model{ending.upper()}") is form
    assert format_of(Path("notes.md")).name == format_of("model").name == "text"
    with pytest.raises(gnn.InputError, match="unknown model format 'sbm' .did you mean 'sbml'"):
        format_named("sbm")


@every
def test_every_example_is_read(form):
    _needs(form)
    assert form.examples()
    for text in form.examples():
        parts = form.read(text)
        assert isinstance(parts, Parts)
        assert gnn.ReactionNetwork.from_parts(parts).reactions


@every
def test_a_format_reads_what_it_writes(form, tmp_path):
    """By the propensity of each reaction in random states, and by rules and initial counts."""
    if form.write is None:
        pytest.skip("it only reads")
    _needs(form)
    net = gnn.ReactionNetwork.from_text(MODEL)
    path = tmp_path / f"model{form.endings[0]}"
    text = form.write(net, path)
    assert path.read_text(encoding="utf-8") == text
    again = gnn.ReactionNetwork.from_file(path)
    assert again == gnn.ReactionNetwork.from_parts(form.read(path))
    assert (again.species, dict(again.initial)) == (net.species, dict(net.initial))
    assert [e.name for e in again.events] == ["feed"] and again.observables == ("total",)
    rng = np.random.default_rng(3)
    for _ in range(20):
        state = dict(zip(net.species, rng.integers(0, 30, len(net.species)).tolist(), strict=True))
        total = state["A"] + 2 * state["C"]
        values = {"time": 0.3, "V": 3.0, "total": total}
        assert again.rules["total"].evaluate({**state, **again.parameters}) == total
        for one, other in zip(net.reactions, again.reactions, strict=True):
            expected = propensity(one, {**state, **values}, 2.0)
            found = propensity(other, {**state, **values, **again.parameters}, again.volume)
            np.testing.assert_allclose(found, expected, rtol=1e-12)


@every
def test_errors_name_the_file(form, tmp_path):
    _needs(form)
    path = tmp_path / f"broken{form.endings[0]}"
    path.write_text("A -> -> @ nothing", encoding="utf-8")
    with pytest.raises(gnn.InputError, match="broken"):
        gnn.ReactionNetwork.from_file(path)


def test_what_only_the_whole_network_shows_names_the_file_too(tmp_path):
    path = tmp_path / "twice.txt"
    path.write_text("A -> 0 @ 1\n@parameter A = 3", encoding="utf-8")
    with pytest.raises(gnn.InputError, match="twice.txt: 'A' names a species and a parameter"):
        gnn.ReactionNetwork.from_file(path)


@every
def test_hostile_models_are_made_of_every_format(form):
    for other in FORMATS:
        _needs(other)
    texts = [text for name, text in hostile.corpus() if name == form.name]
    assert set(form.examples()) <= set(texts)
    assert len(texts) == len(form.examples()) + 2 * (form.write is not None)
    made = [hostile.mutant(k, 1) for k in range(300)]
    own = {text for name, text in made if name == form.name}
    assert len(own - set(texts)) > 10


def test_a_new_format_is_read_by_python_the_command_line_and_the_fuzzer(tmp_path, monkeypatch, capsys):
    """`FORMATS` is the only place that has to know it."""

    def read(source, parameters=None):
        text = source if isinstance(source, str) else source.read_text()
        return format_named("text").read(text.replace("becomes", "->"), parameters)

    plain = replace(FORMATS[0], name="words", title="words", endings=(".words",), read=read, write=None,
                    examples=lambda: ("A becomes B @ 1\nA = 5",))  # fmt: skip
    formats = importlib.import_module("gillespie_nn.crn.formats")
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, plain))
    monkeypatch.setattr(hostile, "FORMATS", (*FORMATS, plain))
    path = tmp_path / "model.words"
    path.write_text("A becomes B @ 1\nA = 5")
    assert gnn.ReactionNetwork.from_file(path) == gnn.ReactionNetwork.from_text("A -> B @ 1\nA = 5")
    assert main(["simulate", str(path), "--t-end", "0.1", "--seed", "1"]) == 0
    assert "2 species" in capsys.readouterr().out
    for form in FORMATS:
        _needs(form)
    assert ("words", "A becomes B @ 1\nA = 5") in hostile.corpus.__wrapped__()


def test_the_help_of_simulate_names_every_format(capsys):
    with pytest.raises(SystemExit):
        main(["simulate", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert all(form.title in text and all(e in text for e in form.endings) for form in FORMATS)
