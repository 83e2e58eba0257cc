"""The table of model formats: each reads its examples and what it writes, and everything that reads models uses it."""

import contextlib
import importlib
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.crn.formats import FORMATS, format_named, format_of
from gillespie_nn.crn.parts import Parts
from helpers.naive import propensity
from robustness import hostile_models

pytestmark = pytest.mark.fast

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
    texts = [text for name, text in hostile_models.corpus() if name == form.name]
    assert set(form.examples()) <= set(texts)
    assert len(texts) == len(form.examples()) + 2 * (form.write is not None)
    made = [hostile_models.mutant(k, 1) for k in range(300)]
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
    monkeypatch.setattr(hostile_models, "FORMATS", (*FORMATS, plain))
    path = tmp_path / "model.words"
    path.write_text("A becomes B @ 1\nA = 5")
    assert gnn.ReactionNetwork.from_file(path) == gnn.ReactionNetwork.from_text("A -> B @ 1\nA = 5")
    assert main(["simulate", str(path), "--t-end", "0.1", "--seed", "1"]) == 0
    assert "2 species" in capsys.readouterr().out
    for form in FORMATS:
        _needs(form)
    assert ("words", "A becomes B @ 1\nA = 5") in hostile_models.corpus.__wrapped__()


def test_the_help_of_simulate_names_every_format(capsys):
    with pytest.raises(SystemExit):
        main(["simulate", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert all(form.title in text and all(e in text for e in form.endings) for form in FORMATS)


# what editors make of files


@every
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_is_read_with_any_ends_of_lines_and_any_byte_order_mark(form, encoding, mark, ends, tmp_path):
    _needs(form)
    if encoding != "utf-8" and not mark:
        pytest.skip("without a mark it says nothing of its encoding")
    text = mark + form.examples()[0].replace("\n", ends).replace('encoding="UTF-8"', f'encoding="{encoding[:6]}"')
    path = tmp_path / f"model{form.endings[0]}"
    path.write_bytes(text.encode(encoding))
    expected = gnn.ReactionNetwork.from_parts(form.read(form.examples()[0]))
    assert gnn.ReactionNetwork.from_file(path) == expected
    assert gnn.ReactionNetwork.from_parts(form.read(text)) == expected


@pytest.mark.parametrize(
    "name, text",
    [
        ("text", "# caf\u00e9\nA -> 0 @ 1 # \u00b5\nA = 10"),
        ("antimony", "# caf\u00e9\nA -> ; k*A\nA = 10; k = 1 // \u00b5"),
        (
            "bngl_net",
            "# caf\u00e9\nbegin species\n1 A() 10\nend species\nbegin reactions\n1 1 0 1 # \u00b5\nend reactions",
        ),
    ],
)
def test_comments_may_be_in_latin_1(name, text, tmp_path):
    form = format_named(name)
    _needs(form)
    path = tmp_path / f"model{form.endings[0]}"
    path.write_bytes(text.encode("latin-1"))
    net = gnn.ReactionNetwork.from_file(path)
    assert dict(net.initial) == {"A": 10} and net.reactions[0].rate == 1.0


@pytest.mark.parametrize("data", [b"A -> 0\x00 @ 1", "A -> 0 @ 1".encode("utf-16-le"), b"\xff\xfeA"])
def test_what_is_no_text_is_refused_by_the_encodings_that_are_read(data, tmp_path):
    (tmp_path / "model.txt").write_bytes(data)
    with pytest.raises(
        gnn.InputError, match="model.txt is not a text file in UTF-8, UTF-16 with a byte order mark, or"
    ):
        gnn.ReactionNetwork.from_file(tmp_path / "model.txt")


def test_a_name_that_no_file_can_have_is_refused_in_a_sentence():
    pytest.importorskip("libsbml")
    with pytest.raises(gnn.InputError, match="SBML file 'aaa.*is too long for a file name"):
        gnn.ReactionNetwork.from_sbml("a" * 300)


# long lines


def _bngl(parameter="1 k 1", function="1 f() k", species="1 A() 1", reaction="1 1 0 1", group="1 G 1"):
    blocks = zip(
        ("parameters", "functions", "species", "reactions", "groups"),
        (parameter, function, species, reaction, group),
        strict=True,
    )
    return "".join(f"begin {name}\n{line}\nend {name}\n" for name, line in blocks)


_N = 60_000
LONG = {
    "digits of a rate": ("text", "0 -> A @ " + "1" * _N + ".e"),
    "digits of a count": ("text", "A = " + "1" * _N),
    "digits in a law": ("text", "0 -> A @ propensity(" + "1" * _N + ".e)"),
    "a long name": ("text", "0 -> A @ propensity(" + "a" * _N + ")\n@parameter " + "b" * _N + " = 3"),
    "a long function": ("text", "0 -> A @ propensity(" + "a" * _N + "(3))"),
    "spaces behind a name": ("text", "a" * _N + " " * _N + "!"),
    "dots": ("text", "a." * _N + "!"),
    "a long sum": ("text", "0 -> A @ propensity(" + "A + " * _N + "1)"),
    "a long product": ("text", "0 -> A @ propensity(" + "A * " * _N + "1)"),
    "clauses": ("text", "@event e: when A > 0" + ";" * _N),
    "index of a species": ("bngl_net", _bngl(species="0" * _N + "x")),
    "index of a reaction": ("bngl_net", _bngl(reaction="0" * _N + "x")),
    "a member of a group": ("bngl_net", _bngl(group="1 T " + "1" * _N + "x")),
    "zeros in a group": ("bngl_net", _bngl(group="1 T " + "0" * _N + "x")),
    "a weight": ("bngl_net", _bngl(group="1 T " + "1" * _N + "." + "2" * _N + "*x")),
    "a parameter": ("bngl_net", _bngl("1 q " + "1" * _N + ".e")),
    "brackets in a pattern": ("bngl_net", _bngl(species="1 A" + "(" * _N + "b 1")),
    "stars in a rate": ("bngl_net", _bngl(reaction="1 1 0 " + "*" * _N)),
    "brackets outside": ("bngl_net", "version(" + ")" * _N + "x\n" + _bngl()),
    "continued lines": ("bngl_net", "\\\n" * _N + _bngl()),
}


@pytest.mark.parametrize("what", LONG)
def test_a_long_line_takes_time_in_proportion_to_its_length(what):
    """A tenth of a second or so each; in proportion to the square it would be minutes."""
    name, text = LONG[what]
    start = time.process_time()
    with contextlib.suppress(gnn.InputError):
        gnn.ReactionNetwork.from_parts(format_named(name).read(text))
    assert time.process_time() - start < 5.0
