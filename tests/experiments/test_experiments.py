"""Simulation experiments in SED-ML: what they give, what is refused by name, and files from strangers."""

import csv
import importlib.util
import json
import os
import sys
import zipfile

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InputError, MissingExtraError
from gillespie_nn.cli import main
from gillespie_nn.experiments import run_experiment, sedml

if importlib.util.find_spec("libsedml") is None:  # not imported here: see `sedml.read`
    pytest.skip("the extra sedml is not installed", allow_module_level=True)
pytest.importorskip("libsbml", reason="the extra sbml is not installed")
pytest.importorskip("matplotlib", reason="the extra plot is not installed")

SBML = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="decay">
<listOfCompartments><compartment id="cell" size="2" constant="true"/></listOfCompartments>
<listOfSpecies>
<species id="A" compartment="cell" initialAmount="100" hasOnlySubstanceUnits="true" boundaryCondition="false"
 constant="false"/>
<species id="C" compartment="cell" initialAmount="0" hasOnlySubstanceUnits="false" boundaryCondition="false"
 constant="false"/></listOfSpecies>
<listOfParameters><parameter id="k" value="0.5" constant="true"/></listOfParameters>
<listOfReactions><reaction id="lose" reversible="false" fast="false">
<listOfReactants><speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
<listOfProducts><speciesReference species="C" stoichiometry="1" constant="true"/></listOfProducts>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci> k </ci><ci> A </ci></apply></math>
</kineticLaw></reaction></listOfReactions></model></sbml>
"""
A = "/sbml:sbml/sbml:model/sbml:listOfSpecies/sbml:species[@id='A']"
C = "/sbml:sbml/sbml:model/sbml:listOfSpecies/sbml:species[@id='C']"
K = "/sbml:sbml/sbml:model/sbml:listOfParameters/sbml:parameter[@id='k']"
MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'
TIME = 'symbol="urn:sedml:symbol:time"'


def variable(name, task, target):
    which = target if target == TIME else f'target="{target}"'
    return f'<variable id="{name}" taskReference="{task}" {which}/>'


def generator(name, variables, math):
    return (
        f'<dataGenerator id="{name}" name="{name}"><listOfVariables>{variables}</listOfVariables>'
        f"<math {MATH}>{math}</math></dataGenerator>"
    )


def course(initial, start, end, n):
    return f'initialTime="{initial}" outputStartTime="{start}" outputEndTime="{end}" numberOfPoints="{n}"'


WHOLE = course(0, 0, 4, 4)


def document(
    changes="", task="one", kisao="KISAO:0000019", more_tasks="", more_outputs="", more_models="", parameters="",
    source="decay.xml", course=WHOLE,
):  # fmt: skip
    """Task `one`, and a report and a plot of `task`: the time, A, the concentration of C, and A + 2 [C]."""
    sum_ = "<apply><plus/><ci>a</ci><apply><times/><cn>2</cn><ci>c</ci></apply></apply>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<sedML xmlns="http://sed-ml.org/sed-ml/level1/version3" level="1" version="3"
 xmlns:sbml="http://www.sbml.org/sbml/level3/version1/core">
<listOfSimulations><uniformTimeCourse id="course" {course}>
<algorithm kisaoID="{kisao}"><listOfAlgorithmParameters>{parameters}</listOfAlgorithmParameters></algorithm>
</uniformTimeCourse></listOfSimulations>
<listOfModels><model id="decay" language="urn:sedml:language:sbml" source="{source}"><listOfChanges>{changes}
</listOfChanges></model>{more_models}</listOfModels>
<listOfTasks><task id="one" modelReference="decay" simulationReference="course"/>{more_tasks}</listOfTasks>
<listOfDataGenerators>{generator("t", variable("time", task, TIME), "<ci>time</ci>")}
{generator("A", variable("a", task, A), "<ci>a</ci>")}{generator("conc", variable("c", task, C), "<ci>c</ci>")}
{generator("total", variable("a", task, A) + variable("c", task, C), sum_)}</listOfDataGenerators>
<listOfOutputs><report id="table"><listOfDataSets><dataSet id="d1" label="time" dataReference="t"/>
<dataSet id="d2" label="A" dataReference="A"/><dataSet id="d3" label="[C]" dataReference="conc"/>
<dataSet id="d4" label="total" dataReference="total"/></listOfDataSets></report>
<plot2D id="figure"><listOfCurves><curve id="c1" logX="false" logY="true" xDataReference="t" yDataReference="A"/>
</listOfCurves></plot2D>{more_outputs}</listOfOutputs></sedML>
"""


def repeated(changes="", n=2, reset="true", ranges=None, task="one", name="many"):
    values = "".join(f"<value>{k + 1}</value>" for k in range(n))
    ranges = ranges or f'<vectorRange id="r">{values}</vectorRange>'
    return (
        f'<repeatedTask id="{name}" range="r" resetModel="{reset}"><listOfRanges>{ranges}</listOfRanges>'
        f"<listOfChanges>{changes}</listOfChanges>"
        f'<listOfSubTasks><subTask order="1" task="{task}"/></listOfSubTasks></repeatedTask>'
    )


SET_K = (
    f'<setValue modelReference="decay" target="{K}" range="r"><math {MATH}><apply><times/><cn>0.25</cn>'
    "<ci>r</ci></apply></math></setValue>"
)


ADD = '<addXML target="/sbml:sbml/sbml:model"><newXML><sbml:parameter id="z"/></newXML></addXML>'


def written(folder, text, model=SBML):
    (folder / "decay.xml").write_text(model)
    path = folder / "experiment.sedml"
    path.write_text(text)
    return path


def archive(path, members, manifest=True):
    rows = "".join(
        f'<content location="./{name}" format="http://identifiers.org/combine.specifications/'
        f'{"sed-ml.level-1.version-3" if name.endswith("sedml") else "sbml"}"/>'
        for name in members
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        if manifest:
            namespace = "http://identifiers.org/combine.specifications/omex-manifest"
            file.writestr("manifest.xml", f'<omexManifest xmlns="{namespace}">{rows}</omexManifest>')
        for name, text in members.items():
            file.writestr(name, text)
    return path


def table(path):
    with open(path, newline="") as file:
        head, *rows = csv.reader(file)
    return head, np.array(rows, dtype=float).T


def test_a_time_course_gives_its_report_its_plot_and_its_run(tmp_path, capsys):
    path, out = written(tmp_path, document()), tmp_path / "out"
    assert main(["simulate", str(path), "--output", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    head, (time, a, c, total) = table(out / "table.csv")
    assert head == ["time", "A", "[C]", "total"]
    np.testing.assert_array_equal(time, [0, 1, 2, 3, 4])
    np.testing.assert_allclose(a, 100 * np.exp(-0.5 * time), rtol=1e-6)
    np.testing.assert_allclose(c, (100 - a) / 2, atol=1e-5)  # a concentration in a compartment of size 2
    np.testing.assert_allclose(total, 100, rtol=1e-6)
    assert (out / "figure.svg").read_text().lstrip().startswith("<?xml")
    assert found["reports"] == [str(out / "table.csv")] and found["runs"] == [str(out / "runs" / "one.h5")]
    with gnn.open_run(out / "runs" / "one.h5") as run:
        assert run.method == "ode"


def test_an_archive_gives_the_same_as_a_folder(tmp_path):
    one = run_experiment(written(tmp_path, document(kisao="KISAO:0000029")), tmp_path / "one", seed=3)
    text = document(kisao="KISAO:0000029", source="../models/decay.xml")
    members = {"sim/experiment.sedml": text, "models/decay.xml": SBML}
    other = run_experiment(archive(tmp_path / "all.omex", members), tmp_path / "other", seed=3)
    assert (tmp_path / "one" / "table.csv").read_text() == (tmp_path / "other" / "table.csv").read_text()
    assert one.seed == other.seed == 3 and list(other.data) == ["sim/experiment.sedml"]
    assert sorted(p.name for p in (tmp_path / "other").iterdir()) == ["figure.svg", "runs", "table.csv"]
    again = run_experiment(tmp_path / "all.omex", tmp_path / "third", seed=4)
    assert not np.array_equal(again.data["sim/experiment.sedml"]["A"], other.data["sim/experiment.sedml"]["A"])


def test_changes_of_attributes_and_computed_changes(tmp_path):
    changes = f'<changeAttribute target="{K}/@value" newValue="1.5"/>'
    changes += f'<changeAttribute target="{A}/@initialAmount" newValue="60"/>'
    values = run_experiment(written(tmp_path, document(changes)), tmp_path / "a").data["experiment.sedml"]
    np.testing.assert_allclose(values["A"], 60 * np.exp(-1.5 * values["t"]), rtol=1e-5, atol=1e-6)
    doubled = (
        f'<computeChange target="{K}"><listOfVariables><variable id="old" modelReference="decay" target="{K}"/>'
        f'</listOfVariables><listOfParameters><parameter id="f" value="2"/></listOfParameters><math {MATH}>'
        "<apply><times/><ci>f</ci><ci>old</ci></apply></math></computeChange>"
    )
    values = run_experiment(written(tmp_path, document(doubled)), tmp_path / "b").data["experiment.sedml"]
    np.testing.assert_allclose(values["A"], 100 * np.exp(-values["t"]), rtol=1e-5, atol=1e-6)
    other = f'<model id="faster" source="#decay"><listOfChanges>{doubled}</listOfChanges></model>'
    two = '<task id="two" modelReference="faster" simulationReference="course"/>'
    text = document(doubled, task="two", more_models=other, more_tasks=two)
    values = run_experiment(written(tmp_path, text), tmp_path / "c")
    np.testing.assert_allclose(
        values.data["experiment.sedml"]["A"], 100 * np.exp(-2 * np.arange(5.0)), rtol=1e-5, atol=1e-6
    )


def test_a_repeated_task_that_changes_nothing_is_an_ensemble(tmp_path):
    text = document(task="many", kisao="KISAO:0000027", more_tasks=repeated(n=400))
    found = run_experiment(written(tmp_path, text), tmp_path / "out", seed=5)
    a = found.data["experiment.sedml"]["A"]
    assert a.shape == (400, 5) and len(found.runs) == 1
    with gnn.open_run(found.runs[0]) as run:
        assert run.method == "next_reaction" and len(run.status) == 400
    mean = 100 * np.exp(-0.5 * np.arange(5))
    # Six standard errors of a binomial number: false alarms below 1e-8.
    assert (abs(a.mean(axis=0) - mean) <= 6 * np.sqrt(mean * (1 - mean / 100) / 400)).all()
    head, columns = table(tmp_path / "out" / "table.csv")
    assert head[400:402] == ["A[0]", "A[1]"] and columns.shape == (1600, 5)


def test_a_range_that_sets_a_parameter_is_a_sweep(tmp_path):
    for ranges, factors in (
        ('<vectorRange id="r"><value>1</value><value>4</value></vectorRange>', [1, 4]),
        ('<uniformRange id="r" start="1" end="3" numberOfPoints="2" type="linear"/>', [1, 2, 3]),
        ('<uniformRange id="r" start="1" end="4" numberOfPoints="2" type="log"/>', [1, 2, 4]),
    ):
        text = document(task="many", more_tasks=repeated(SET_K, ranges=ranges))
        a = run_experiment(written(tmp_path, text), tmp_path / "out", overwrite=True).data["experiment.sedml"]["A"]
        expected = 100 * np.exp(-0.25 * np.outer(factors, np.arange(5.0)))
        np.testing.assert_allclose(a, expected, rtol=1e-5, atol=1e-6)


def test_functional_ranges_and_sweeps_of_ensembles(tmp_path):
    square = f"<math {MATH}><apply><times/><ci>r</ci><ci>r</ci></apply></math>"
    square = f'<functionalRange id="r2" range="r">{square}</functionalRange>'
    ranges = f'<vectorRange id="r"><value>1</value><value>2</value></vectorRange>{square}'
    sets = SET_K.replace("<ci>r</ci>", "<ci>r2</ci>").replace('range="r"', 'range="r2"')
    tasks = repeated(n=30, name="inner") + repeated(sets, ranges=ranges, task="inner")
    text = document(task="many", kisao="KISAO:0000029", more_tasks=tasks)
    found = run_experiment(written(tmp_path, text), tmp_path / "out", seed=1)
    a = found.data["experiment.sedml"]["A"]
    assert a.shape == (2, 30, 5) and len(found.runs) == 2
    assert len({row.tobytes() for row in a.reshape(60, 5)}) == 60  # no two runs share random numbers
    expected = 100 * np.exp(-0.25 * np.outer([1, 4], np.arange(5.0)))
    assert (abs(a.mean(axis=1) - expected) <= 6 * np.sqrt(expected * (1 - expected / 100) / 30) + 1e-9).all()


def test_parameters_of_algorithms(tmp_path):
    parameters = '<algorithmParameter kisaoID="KISAO:0000488" value="7"/>'
    parameters += '<algorithmParameter kisaoID="KISAO:0000415" value="500"/>'
    text = document(kisao="KISAO:0000029", parameters=parameters)
    with pytest.warns(UserWarning, match=r"without effect on direct: KISAO:0000415 \(maximum number of steps\)"):
        one, other = (run_experiment(written(tmp_path, text), tmp_path / f"{s}", seed=s) for s in (1, 2))
    np.testing.assert_array_equal(one.data["experiment.sedml"]["A"], other.data["experiment.sedml"]["A"])


@pytest.mark.parametrize(
    "text, message",
    [
        (document(kisao="KISAO:0000437"), r"simulation course: the algorithm KISAO:0000437 \(flux balance analysis\)"),
        (document(kisao="KISAO:9999999"), "KISAO:9999999 is not supported: use KISAO:0000029"),
        (document(kisao="nonsense"), "is not an identifier of KiSAO|not valid"),
        (document(ADD), "the change addXML is not supported"),
        (document(f'<removeXML target="{K}"/>'), "the change removeXML is not supported"),
        (document(f'<changeAttribute target="{K}/@id" newValue="x"/>'), "is an identifier, which cannot be changed"),
        (document(f'<changeAttribute target="{K[:-3]}q\']/@value" newValue="1"/>'), "fits 0 elements of the model"),
        (document('<changeAttribute target="//sbml:parameter/@value" newValue="1"/>'), "write the whole path"),
        (document(f'<changeAttribute target="{K}/@value" newValue="fast"/>'), "fast|k"),
        (document(course=course(1, 1, 4, 4)), "initialTime must be 0"),
        (document(course=course(0, 4, 4, 4)), "must exceed"),
        (document(course=course(0, 0, 4, 0)), "number of steps"),
        (document(source="http://example.org/decay.xml"), "is an address, not a file of the experiment"),
        (document(source="urn:miriam:biomodels.db:BIOMD0000000001"), "is an address, not a file"),
        (document(source="../decay.xml"), "is not a file within the experiment"),
        (document(source="/etc/passwd"), "is not a file within the experiment"),
        (document(source="missing.xml"), "needs the file 'missing.xml', which is not in its folder"),
        (document(task="many"), "unknown task 'many'"),
        (document(task="many", more_tasks=repeated(reset="false")), "task many: resetModel must be true"),
        (document(task="many", more_tasks=repeated(task="many")), "the repeated task many contains itself"),
        (document(task="many", more_tasks=repeated(SET_K.replace("k'", "q'"))), "fits 0 elements"),
        (document().replace("urn:sedml:language:sbml", "urn:sedml:language:cellml"), "the language urn.*cellml"),
        (document().replace("urn:sedml:symbol:time", "urn:sedml:symbol:money"), "the symbol urn.*money"),
        (document().replace('dataReference="A"', 'dataReference="B"'), "unknown data generator 'B'"),
        (document().replace("uniformTimeCourse", "steadyState"), "steadyState is not supported|not valid"),
        (document(more_outputs='<plot3D id="p3"><listOfSurfaces/></plot3D>'), "plot3D is not supported"),
        (document().replace('id="table"', 'id="../table"'), "valid"),
        (document().replace("<sedML", "<!DOCTYPE x [<!ENTITY a 'b'>]><sedML"), "declares a document type or entities"),
        ("no XML", "not valid"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        run_experiment(written(tmp_path, text), tmp_path / "out")
    assert not list(tmp_path.glob("out/**/*.csv")) and not list(tmp_path.parent.glob("table.csv"))


def test_steady_states_are_refused_by_name(tmp_path):
    rest = '<steadyState id="rest"><algorithm kisaoID="KISAO:0000282"/></steadyState>'
    text = document().replace("</listOfSimulations>", f"{rest}</listOfSimulations>")
    with pytest.raises(InputError, match="simulation rest: steadyState is not supported: use uniformTimeCourse"):
        run_experiment(written(tmp_path, text), tmp_path / "out")


def test_models_with_entities_and_models_that_are_no_xml_are_refused(tmp_path):
    bomb = SBML.replace("<sbml ", '<!DOCTYPE lolz [<!ENTITY lol "lol">]><sbml ')
    for model, message in ((bomb, "'decay.xml' declares a document type"), ("A -> B", "the model is not XML")):
        with pytest.raises(InputError, match=message):
            run_experiment(written(tmp_path, document(), model), tmp_path / "out")


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    outside = tmp_path / "outside.xml"
    outside.write_text(SBML)
    inside = tmp_path / "inside"
    inside.mkdir()
    path = written(inside, document(source="link.xml"))
    os.symlink(outside, inside / "link.xml")
    with pytest.raises(InputError, match="'link.xml' is a link out of the folder"):
        run_experiment(path, tmp_path / "out")


@pytest.mark.parametrize(
    "name", ["../evil.xml", "/etc/evil.xml", "a/../../evil.xml", "C:\\evil.xml", "a\\..\\evil.xml"]
)
def test_an_archive_whose_names_lead_out_is_refused(tmp_path, name):
    path = archive(tmp_path / "bad.omex", {"experiment.sedml": document(), "decay.xml": SBML, name: "x"})
    with pytest.raises(InputError, match="not a file within the experiment|is an address"):
        run_experiment(path, tmp_path / "out")
    assert not list(tmp_path.rglob("evil.xml"))


def test_other_archives_that_are_refused(tmp_path, monkeypatch):
    members = {"experiment.sedml": document(), "decay.xml": SBML}
    (tmp_path / "text.omex").write_text("no archive")
    link = zipfile.ZipInfo("link.xml")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive(tmp_path / "link.omex", members), "a") as file:
        file.writestr(link, "/etc/passwd")
    archive(tmp_path / "plain.omex", members, manifest=False)
    archive(tmp_path / "empty.omex", {"decay.xml": SBML})
    archive(tmp_path / "lacks.omex", {"experiment.sedml": document()})
    for name, message in (
        ("text", "is not a COMBINE archive"), ("link", "'link.xml' is a link"), ("plain", "it has no manifest.xml"),
        ("empty", "its manifest lists no SED-ML document"), ("lacks", "'decay.xml', which is not in the archive"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            run_experiment(tmp_path / f"{name}.omex", tmp_path / "out")
    monkeypatch.setattr(sedml, "MOST_BYTES", 20_000)
    path = archive(tmp_path / "bomb.omex", members | {"decay.xml": SBML + " " * 10_000_000})
    assert path.stat().st_size < 20_000
    with pytest.raises(InputError, match="unpacks to more than 20,000 bytes"):
        run_experiment(path, tmp_path / "out")
    monkeypatch.setattr(sedml, "MOST_FILES", 2)
    with pytest.raises(InputError, match="has 3 files"):
        run_experiment(path, tmp_path / "out")


def test_a_library_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "libsedml", None)
    with pytest.raises(MissingExtraError, match="reading SED-ML needs libsedml: .*pip install python-libsedml"):
        run_experiment(written(tmp_path, document()), tmp_path / "out")


def test_sbml_with_formulas_can_be_read_after_an_experiment(tmp_path):
    run_experiment(written(tmp_path, document()), tmp_path / "out")
    assert "libsedml" not in sys.modules  # it would make libsbml's objects its own
    network = gnn.ReactionNetwork.from_text("@parameter V = 1\n@rate V = 0.1 * V\nA -> 0 @ 1")
    assert gnn.ReactionNetwork.from_sbml(network.to_sbml()).rate_rules.keys() == {"V"}


def test_files_that_exist_are_kept(tmp_path):
    path = written(tmp_path, document())
    run_experiment(path, tmp_path / "out")
    with pytest.raises(InputError, match="table.csv exists"):
        run_experiment(path, tmp_path / "out")
    run_experiment(path, tmp_path / "out", overwrite=True)
    with pytest.raises(InputError, match="is a file: name a folder"):
        run_experiment(path, path)


@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "an experiment needs --output FOLDER"),
        (["--t-end", "3"], "--t-end does not apply to"),
        (["--replicates", "3"], "--replicates does not apply to"),
        (["--parameter", "k=3"], "--parameter does not apply to"),
        (["--sweep", "table.csv"], "--sweep does not apply to"),
        (["--rate-noise", "0.1"], "--rate-noise does not apply to"),
        (["--epsilon", "0.1"], "--epsilon does not apply to"),
    ],
)
def test_flags_of_models_are_refused(tmp_path, capsys, flags, message):
    path = written(tmp_path, document())
    output = ["--output", str(tmp_path / "out")] if flags else []
    assert main(["simulate", str(path), *flags, *output]) == 2
    assert message in capsys.readouterr().err


def test_a_run_that_does_not_end_as_intended_gives_exit_code_3(tmp_path, capsys):
    """A count passes 2**53 after a few firings."""
    start, end = SBML.index("<listOfReactants>"), SBML.index("<listOfProducts>")
    full = (SBML[:start] + SBML[end:]).replace('initialAmount="0"', f'initialAmount="{2**53 - 3}"')
    path = written(tmp_path, document(kisao="KISAO:0000029"), full)
    assert main(["simulate", str(path), "--output", str(tmp_path / "out"), "--json"]) == 3
    out = capsys.readouterr().out
    assert "not all runs ended as intended: stopped" in out
    assert json.loads(out.splitlines()[-1])["unintended"] == ["overflow"]


def test_a_law_that_is_not_0_without_reactants_is_named(tmp_path, capsys):
    wrong = SBML.replace("<ci> k </ci><ci> A </ci>", "<ci> k </ci><ci> k </ci>").replace('value="0.5"', 'value="50"')
    path = written(tmp_path, document(kisao="KISAO:0000029"), wrong)
    assert main(["simulate", str(path), "--output", str(tmp_path / "out")]) == 3
    assert "reaction lose fired with fewer than 1 molecules of A" in capsys.readouterr().err
