"""Options are written down once: signatures, docstrings, flags, records and messages follow from the fields."""

import inspect
import json
import re
from dataclasses import MISSING, dataclass

import h5py
import pytest

import gillespie_nn as gnn
from gillespie_nn.api.train import make_plan
from gillespie_nn.cli import main, make_parser
from gillespie_nn.cli.flags import flag_of
from gillespie_nn.options import IF_GIVEN, any_of, option, options_of, takes, whole
from gillespie_nn.simulation.methods import METHODS, OPTIONS, known_to_training
from gillespie_nn.simulation.run_options import Destination, Execution, RunOptions, TrainingOptions
from gillespie_nn.simulation.task import make_task
from gillespie_nn.verification.certificate import OPTIONS as CERTIFY

pytestmark = pytest.mark.fast

NET = gnn.ReactionNetwork.from_text("bind: A + B -> C @ 0.01\nA = 30\nB = 20")
RUN, EXECUTION, DESTINATION = options_of(RunOptions), options_of(Execution), options_of(Destination)
TRAINING = options_of(TrainingOptions)
TAKEN = {
    "simulate": (gnn.simulate, any_of(RUN, EXECUTION, DESTINATION), any_of(RUN, EXECUTION, DESTINATION)),
    "sweep": (gnn.sweep, any_of(RUN, EXECUTION, options_of(Destination, without=("overwrite",))), {}),
    "certify": (gnn.certify, CERTIFY, CERTIFY),
    "train": (gnn.train, any_of(TRAINING, DESTINATION), any_of(TRAINING, DESTINATION)),
}
EVERY = [(command, name) for command, (_, options, _) in TAKEN.items() for name in options]


def _actions(command):
    """The flags of a command, by what they set."""
    subparsers = next(a for a in make_parser()._actions if isinstance(a.choices, dict))
    return {action.dest: action for action in subparsers.choices[command]._actions}


@pytest.mark.parametrize("command, name", EVERY)
def test_every_option_is_in_the_signature_with_its_default(command, name):
    function, options, _ = TAKEN[command]
    found = inspect.signature(function).parameters[name].default
    assert found == (inspect.Parameter.empty if options[name].default is MISSING else options[name].default)


@pytest.mark.parametrize("command, name", EVERY)
def test_every_option_is_explained_with_its_unit_and_default(command, name):
    function, options, _ = TAKEN[command]
    text = " ".join(function.__doc__.split())
    assert f" {name} : " in text
    own = {"sweep": ("seed", "output"), "train": ("output",)}.get(command, ())
    if name not in own:
        assert f" {name} : {options[name].described}" in text


@pytest.mark.parametrize("command", ["simulate", "certify", "train"])
def test_every_option_that_is_a_flag_is_one_with_its_help(command):
    actions, (_, _, options) = _actions(command), TAKEN[command]
    for name, each in options.items():
        if each.kind is None:
            assert name not in actions
        else:
            assert actions[name].option_strings == [flag_of(each)]
            assert (command, name) == ("simulate", "output") or each.described in actions[name].help
    methods = {n for m in METHODS for n in (o.name for o in m.options)}
    assert (methods if command != "train" else set(OPTIONS)) <= set(actions)


def test_the_record_of_a_run_has_what_is_recorded_and_makes_it_again(tmp_path):
    path = tmp_path / "x.h5"
    noise = gnn.RateNoise(0.1, kind="constant")
    gnn.simulate(
        NET, 1.0, 3, seed=1, method="tau_leap", epsilon=0.1, noise=noise, schedule=[(0.5, {"A": 9}), (0.2, {"B": 1})],
        max_events=1000, output=path,
    ).close()  # fmt: skip
    with h5py.File(path) as file:
        kept = file.attrs["arguments"]
    always = [name for name, each in RUN.items() if each.recorded and each.recorded != IF_GIVEN]
    assert list(json.loads(kept)) == [*always, "options"]
    assert list(json.loads(kept))[:4] == ["schedule", "noise", "count_firings", "max_events"]
    again = RunOptions.again(json.loads(kept), time=[0, 0.5, 1], seed=1, method="tau_leap")
    assert json.dumps(make_task(NET, again)[0].arguments) == kept
    assert again.noise == (noise,)


def test_the_record_of_a_training_run_makes_the_same_plan():
    asked = TrainingOptions.of(
        {"seed": 3, "method": "tau_leap", "epsilon": 0.1, "presentations": 20, "validation": 0.25, "patience": 2,
         "noise": gnn.RateNoise(0.1), "predict": True, "predict_noise": [gnn.RateNoise(0.2)], "hold": 1.0}
    )  # fmt: skip
    arguments = make_plan("xor", asked).options.arguments
    assert list(arguments) == [*(name for name, each in TRAINING.items() if each.recorded), "settings"]
    assert set(TRAINING) - {"quick"} < set(arguments)  # the settings that it stands for are there
    kept = json.dumps(arguments)
    assert json.dumps(make_plan("xor", TrainingOptions.again(json.loads(kept))).options.arguments) == kept
    assert arguments["settings"]["epsilon"] == 0.1 and arguments["settings"]["hold"] == 1.0
    assert arguments["predict"] == 4 and arguments["volume"] == 1000.0


@dataclass(frozen=True, eq=False)
class Later(RunOptions):
    """`RunOptions` of a later version, with an option more."""

    pace: int = option(3, whole(), "steps of a pace", kind=int, recorded=True)


def test_an_option_that_comes_later_is_recorded_and_leaves_names_of_files_as_they_are():
    now, later, other = (
        make_task(NET, made)[0]
        for made in (
            RunOptions(t_end=1.0, seed=1),
            Later(t_end=1.0, seed=1),
            Later(t_end=1.0, seed=1, pace=4),
        )
    )
    assert later.arguments == now.arguments | {"pace": 3} and other.arguments["pace"] == 4
    assert later.digest == now.digest != other.digest
    older = Later.again(now.arguments, time=now.grid)
    assert older.pace == 3
    with pytest.raises(gnn.InputError, match="pace must be at least 1, got 0"):
        Later(t_end=1.0, pace=0)


def test_names_of_files_of_sweeps_are_those_of_earlier_versions(tmp_path):
    """Else a sweep would begin anew in its folder."""
    schedule = [(0.5, {"A": 3}), (0.2, {"B": 1})]
    gnn.sweep(NET, {"bind": [0.1, 0.2]}, 1.0, 5, seed=3, method="direct", schedule=schedule, output=tmp_path / "one")
    noise = gnn.RateNoise(0.1, kind="constant")
    gnn.sweep(
        NET, {"bind": [0.1]}, 1.0, 5, seed=3, method="tau_leap", epsilon=0.1, max_events=99, noise=noise,
        record="moments", replicates=3, output=tmp_path / "two",
    )  # fmt: skip
    names = [path.name for folder in ("one", "two") for path in sorted((tmp_path / folder).glob("*.h5"))]
    assert names == ["row-00000-e32a7bb06a27.h5", "row-00001-9a946eee4fb4.h5", "row-00000-30f9d681ac0f.h5"]


WRONG = {
    "simulate": {
        "t_end": -1.0, "n_points": 1, "volume": 0.0, "method": "ssa", "replicates": 0, "seed": -1, "max_events": -1,
        "workers": 0, "record": "moment", "epsilon": 3.0, "scheme": "implicit", "solver": "Euler",
    },
    "certify": {
        "t_end": -1.0, "n_points": 0, "volume": 0.0, "method": "ssa", "replicates": 29, "seed": -1, "reference": "ode",
        "tolerance_mean": 2.0, "tolerance_variance": 0.0, "floor": -1.0, "workers": 0, "epsilon": 3.0,
    },
    "train": {
        "volume": 0.0, "method": "adam", "seed": -1, "limit": 0, "record_every": 0, "checkpoint_every": 0,
        "patience": 0, "validation": 2.0, "evaluate_every": 0, "epsilon": 3.0, "flow_rtol": 2.0,
    },
}  # fmt: skip


@pytest.mark.parametrize("command, name", [(command, name) for command in WRONG for name in WRONG[command]])
def test_a_wrong_value_gets_the_same_sentence_in_python_and_on_the_command_line(command, name, tmp_path, capsys):
    model = tmp_path / "model.txt"
    model.write_text(NET.to_text())
    asked = {"simulate": {"t_end": 1.0}, "certify": {"t_end": 1.0, "method": "tau_leap"}, "train": {}}[command]
    if name in OPTIONS:
        asked = asked | {"method": next(m.name for m in known_to_training() if name in {o.name for o in m.options})}
    asked = asked | {name: WRONG[command][name]}
    with pytest.raises(gnn.InputError) as refused:
        TAKEN[command][0]("xor" if command == "train" else NET, **asked)
    flags = [text for n, v in asked.items() for text in (f"--{n.replace('_', '-')}={v}",)]
    assert main([command, "xor" if command == "train" else str(model), *flags]) == 2
    assert capsys.readouterr().err == f"gillespie-nn: {refused.value}\n"
    assert repr(WRONG[command][name]) in str(refused.value)


@pytest.mark.parametrize("name", [name for name in RUN if name not in ("t_end", "time")])
def test_none_stands_for_the_default(name):
    found = RunOptions(t_end=1.0, **{name: None})
    assert getattr(found, name) == RUN[name].default


def test_a_function_that_takes_options_says_where():
    with pytest.raises(TypeError, match="no line"):

        @takes(EXECUTION)
        def silent(**options):
            """Nothing."""

    with pytest.raises(TypeError, match=re.escape("takes no ** argument")):

        @takes(EXECUTION)
        def closed(workers=1):
            """Nothing.

            ...
            """


@pytest.mark.parametrize("name", ["overwrite", "progress", "count_firings"])
@pytest.mark.parametrize("value", ["no", 1, "yes"])
def test_yes_and_no_are_true_and_false(name, value):
    """`overwrite="no"` overwrote."""
    with pytest.raises(gnn.InputError, match=f"{name} must be True or False, got {value!r}"):
        gnn.simulate(gnn.ReactionNetwork.from_text("A -> 0 @ 1"), 1.0, 2, **{name: value})
