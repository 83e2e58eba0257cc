"""Antimony is translated in a process of its own: what ends libantimony ends no run; imports stay in their folder."""

import sys
import time

import pytest

import gillespie_nn as gnn
from gillespie_nn.cli import main
from gillespie_nn.crn.formats import antimony

pytest.importorskip("antimony")
INNER = "model Inner\n A = 7; J: A -> ; 0.5*A;\nend\n"
OUTER = 'import "{}"\nmodel *m()\n I: Inner();\n species B = 1; J1: B -> ; B;\nend\n'


def test_a_model_that_contains_itself_is_an_error(tmp_path, capsys):
    """libantimony ends its process by SIGSEGV."""
    text = "model m()\n I: m();\n species B = 1; J1: B -> ; B;\nend"
    with pytest.raises(gnn.InputError, match="libantimony ended .*contain itself"):
        gnn.ReactionNetwork.from_antimony(text)
    (tmp_path / "m.ant").write_text(text)
    assert main(["simulate", str(tmp_path / "m.ant"), "--t-end", "1"]) == 2
    assert "contain itself" in capsys.readouterr().err


IMPORTS = [
    'import "{}"',
    'import"{}"',
    'import /* one\n two */ "{}"',
    'x = 1; import\t"{}"',
    'import "{}" "{}"',
    'import \\\n"{}"',
    'import \\ \n"{}"',
    '//import /*\nimport "{}"\n// */ "x.ant"',
    '# "\nimport "{}"\n# "',
    '// ```\nimport "{}"\n// ```',
]
"""Ways to write an import, some of which look like comments."""


@pytest.mark.parametrize("statement", IMPORTS)
def test_nothing_outside_is_imported_or_quoted(statement, tmp_path, monkeypatch):
    """As a text, and as a file in a folder of its own: the import names a model that can be read, and a secret."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("root_passphrase of somebody\n")
    (tmp_path / "inner.ant").write_text(INNER)
    (tmp_path / "own").mkdir()
    for path in (tmp_path / "secret", "secret", "../secret", tmp_path / "inner.ant", "inner.ant", "../inner.ant"):
        text = statement.replace("{}", str(path)) + "\nmodel *m()\n I: Inner(); B = 1; J: B -> ; B;\nend"
        for name in ("model.ant", "other.ant"):
            (tmp_path / "own" / name).write_text(text)
        for source in (text, tmp_path / "own" / "model.ant", tmp_path / "own" / "other.ant"):
            with pytest.raises(gnn.InputError) as error:
                gnn.ReactionNetwork.from_antimony(source)
            assert "passphrase" not in str(error.value) and "'root" not in str(error.value)


def test_a_text_that_imports_says_how_it_may(tmp_path):
    with pytest.raises(gnn.InputError, match="the text: a text cannot import files: give the path of a model file"):
        gnn.ReactionNetwork.from_antimony(OUTER.format("inner.ant"))
    text = 'model m()\n B = 1; J: B -> ; B; // nuclear import of "B"\nend'
    assert gnn.ReactionNetwork.from_antimony(text).species == ("B",)


@pytest.mark.parametrize("text", ["import " + "/**/" * 5000 + "\n", "/*" * 50_000, 'import "' * 50_000, "```" * 50_001])
def test_long_texts_take_no_time(text, tmp_path):
    """A pattern that tries each comment in two ways took 51 s for twenty of them."""
    (tmp_path / "m.ant").write_text(text)
    began = time.monotonic()
    with pytest.raises(gnn.InputError):
        gnn.ReactionNetwork.from_antimony(tmp_path / "m.ant")
    assert time.monotonic() - began < 30


def test_a_file_imports_from_its_own_folder_alone(tmp_path):
    folder = tmp_path / "models"
    (folder / "parts").mkdir(parents=True)
    (tmp_path / "inner.ant").write_text(INNER)
    (folder / "parts" / "inner.ant").write_text(INNER)
    outer = folder / "outer.ant"
    outer.write_text(OUTER.format("parts/inner.ant") + '# import "what is a comment"\n')
    network = gnn.ReactionNetwork.from_antimony(outer)
    assert network.species == ("I_A", "B") and network.initial["I_A"] == 7
    for path in (tmp_path / "inner.ant", "../inner.ant", "parts/../../inner.ant"):
        outer.write_text(OUTER.format(path))
        with pytest.raises(gnn.InputError, match="there is no such file below .*models: only files in that folder can"):
            gnn.ReactionNetwork.from_antimony(outer)
    outer.write_text(OUTER.format("missing.ant"))
    with pytest.raises(gnn.InputError, match="it imports 'missing.ant', but there is no such file"):
        gnn.ReactionNetwork.from_antimony(outer)


def test_an_import_follows_no_link_out_of_its_folder(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "inner.ant").write_text(INNER)
    (folder / "link.ant").symlink_to(tmp_path / "inner.ant")
    (folder / "outer.ant").write_text(OUTER.format("link.ant"))
    with pytest.raises(gnn.InputError, match="it imports 'link.ant', but there is no such file below"):
        gnn.ReactionNetwork.from_antimony(folder / "outer.ant")
    (folder / "near.ant").write_text(INNER)
    (folder / "link.ant").unlink()
    (folder / "link.ant").symlink_to("near.ant")
    assert gnn.ReactionNetwork.from_antimony(folder / "outer.ant").species == ("I_A", "B")


def test_a_folder_to_import_from_can_be_named(tmp_path):
    (tmp_path / "inner.ant").write_text(INNER)
    text = OUTER.format("inner.ant")
    assert gnn.ReactionNetwork.from_antimony(text, imports=tmp_path).species == ("I_A", "B")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "outer.ant").write_text(text)
    network = gnn.ReactionNetwork.from_antimony(tmp_path / "elsewhere" / "outer.ant", imports=tmp_path)
    assert network.species == ("I_A", "B")


def test_files_may_import_one_another(tmp_path):
    (tmp_path / "a.ant").write_text('import "b.ant"\nmodel *a()\n B = 1; J: B -> ; B;\nend\n')
    (tmp_path / "b.ant").write_text('import "a.ant"\nmodel b()\n C = 1; J: C -> ; C;\nend\n')
    assert gnn.ReactionNetwork.from_antimony(tmp_path / "a.ant").species == ("B",)


def test_nothing_in_the_folder_of_a_model_is_run(tmp_path):
    """The child would take an `antimony.py` beside the model for the library."""
    (tmp_path / "antimony.py").write_text(f"open({str(tmp_path / 'was run')!r}, 'w')\n")
    (tmp_path / "m.ant").write_text('import "antimony.py"\nmodel m()\n B = 1; J: B -> ; B;\nend\n')
    with pytest.raises(gnn.InputError):
        gnn.ReactionNetwork.from_antimony(tmp_path / "m.ant")
    assert not (tmp_path / "was run").exists()


def test_what_takes_too_long_is_an_error(monkeypatch):
    monkeypatch.setattr(antimony, "SECONDS", 0.001)
    with pytest.raises(gnn.InputError, match="libantimony needs more than 0.001 s"):
        gnn.ReactionNetwork.from_antimony("model slow()\n B = 1; J: B -> ; 2*B;\nend")


def test_a_text_is_translated_once(monkeypatch):
    text = "model once()\n k = 1; B = 1; J: B -> ; k*B;\nend"
    gnn.ReactionNetwork.from_antimony(text, {"k": 2})
    monkeypatch.setattr(sys.modules["subprocess"], "run", None)
    assert gnn.ReactionNetwork.from_antimony(text, {"k": 3}).reactions[0].rate == 3
