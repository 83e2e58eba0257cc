"""The trained forward network as SBML: read back, and by libRoadRunner, its outputs are those of the fit."""

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.checks import InputError
from gillespie_nn.nn.chemistry import Phase
from helpers.checks_of_chance import accept, mean_is

pytest.importorskip("libsbml")
SETTLED = 60.0  # [s]
KINETICS = ("deterministic", "stochastic")


def _samples():
    rng = np.random.default_rng(3)
    x = rng.uniform(-1.0, 1.0, (30, 3))
    return gnn.Dataset.from_arrays(x, np.column_stack([x[:, 0] * x[:, 1], x.sum(axis=1)]))


@pytest.fixture(scope="module", params=["linear outputs", "activated outputs", "batch, centred", "changed rate"])
def fit(request):
    how = {
        "linear outputs": {},
        "activated outputs": {"output_activation": "smooth_relu", "activation": "annihilation_relu"},
        "batch, centred": {"batch": 3, "centred": True},
        "changed rate": {"rates": {f"preactivation_Z1_0_{k}": 3.0 for k in (1, 2, 3, 4)}},
    }[request.param]
    return gnn.train(_samples(), hidden=(4,), presentations=10, seed=1, volume=500.0, progress=False, **how)


def _expected(fit, x, weights=None):
    """Outputs float64[output] of rate equations, which the fit has without SBML."""
    ode = fit.plan._replace(learner=fit.plan.learner._replace(settings=fit.plan.settings.replace(running_time=SETTLED)))
    t = gnn.Fit(ode, fit.trained, 0.0, fit.scores).trajectories([x], method="ode", weights=weights, points=2)
    return np.array([t.of(rails)[-1] for rails in t.network.outputs])


def _outputs(names, value):
    """Outputs by what the notes of the model say: rules in concentrations, or species."""
    return np.array([value(name) for name in sorted(n for n in names if n.startswith("Y2_"))])


@pytest.mark.parametrize("kinetics", KINETICS)
def test_read_back_it_gives_the_outputs_of_the_fit(fit, kinetics, tmp_path):
    x = fit.plan.dataset.test_x[4]
    path = tmp_path / "net.xml"
    text = fit.to_sbml(x, path, kinetics=kinetics)
    assert path.read_text() == text
    net = gnn.ReactionNetwork.from_file(path)
    r = gnn.simulate(net, SETTLED, 3, method="ode")
    outputs = _outputs(r.quantities, lambda name: r[name][0, -1])
    if kinetics == "stochastic" and fit.spec.outputs[0].minus is None:
        outputs /= fit.plan.volume  # a species, in molecules
    # The stochastic document has whole molecules, so its weights and inputs are rounded.
    assert outputs == pytest.approx(_expected(fit, x), abs=1e-5 if kinetics == "deterministic" else 0.02)
    assert net.volume == (500.0 if kinetics == "deterministic" else 1.0)


def test_weights_are_fixed_and_the_input_is_presented(fit):
    x = fit.plan.dataset.test_x[4]
    net = gnn.ReactionNetwork.from_sbml(fit.to_sbml(x))
    changed = {s for r in net.reactions for s, n in r.net_change().items() if n}
    still = {s for rails in (*fit.spec.weights, *fit.spec.inputs) for s, _ in rails.signs()} & {*net.species}
    assert not changed & {s.replace("_b0", "") for s in still} and not any(s.startswith("T_") for s in net.species)
    start = dict(zip(net.species, net.amounts().tolist()))
    shown = [start[f"X_{j}_p"] - start.get(f"X_{j}_m", 0) for j in range(3)]
    assert shown == pytest.approx(500.0 * (x - fit.centre))


def test_other_weights_and_another_volume(fit):
    x, weights = fit.plan.dataset.test_x[4], fit.plan.learner.initial_weights
    r = gnn.simulate(
        gnn.ReactionNetwork.from_sbml(fit.to_sbml(x, weights=weights, volume=20.0)), SETTLED, 3, method="ode"
    )
    assert r.volume == 20.0
    assert _outputs(r.quantities, lambda n: r[n][0, -1]) == pytest.approx(_expected(fit, x, weights), abs=1e-5)


def test_the_notes_say_what_to_read(fit):
    text = fit.to_sbml(fit.plan.dataset.test_x[4])
    if fit.spec.outputs[0].minus is None:
        assert "output 0 is the concentration of species Y2_0: its amount over 500; output 1 is" in text
    else:
        assert "output 1 is Y2_1 [concentration], given by a rule: Z2_1_p less Z2_1_m, in molecules, over 500" in text
    assert "predictions average its second half" in text and "test RMSE" not in text.partition("<p>")[0]


def _roadrunner(text):
    roadrunner = pytest.importorskip("roadrunner")
    return roadrunner.RoadRunner(text)


def _read(model, fit, kinetics):
    """Names to select in libRoadRunner, and the divisor that makes concentrations of them."""
    if fit.spec.outputs[0].minus is not None:
        return ["Y2_0", "Y2_1"], 1.0
    return (["[Y2_0]", "[Y2_1]"], 1.0) if kinetics == "deterministic" else (["Y2_0", "Y2_1"], fit.plan.volume)


@pytest.mark.parametrize("kinetics", KINETICS)
def test_libroadrunner_gives_the_outputs_of_the_fit(fit, kinetics):
    x = fit.plan.dataset.test_x[4]
    model = _roadrunner(fit.to_sbml(x, kinetics=kinetics))
    names, divisor = _read(model, fit, kinetics)
    end = model.simulate(0.0, SETTLED, 2, ["time", *names])[-1, 1:] / divisor
    assert end == pytest.approx(_expected(fit, x), abs=1e-4 if kinetics == "deterministic" else 0.02)


def test_libroadrunner_gives_the_mean_of_exact_trajectories(fit):
    x = fit.plan.dataset.test_x[4]
    text = fit.to_sbml(x, kinetics="stochastic")
    model = _roadrunner(text)
    names, divisor = _read(model, fit, "stochastic")
    theirs = []
    for seed in range(1, 61):
        model.resetAll()
        model.setIntegrator("gillespie")
        model.integrator.seed = seed
        theirs.append(model.simulate(0.0, 10.0, 2, names)[-1] / divisor)
    # The same document, by an exact method here.
    r = gnn.simulate(gnn.ReactionNetwork.from_sbml(text), 10.0, 2, replicates=400, method="rejection", seed=1)
    for k, name in enumerate(("Y2_0", "Y2_1")):
        ours = r[name][:, -1] / divisor
        error = np.sqrt(ours.var() / len(ours))
        accept(mean_is(np.array(theirs)[:, k], float(ours.mean()), slack=6.0 * error), f"libRoadRunner, {name}")


@pytest.mark.parametrize(
    "x, how, message",
    [
        ([1.0, 2.0], {}, r"x must have shape \[3\], one sample, got shape \(2,\)"),
        ([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], {}, r"x must have shape \[3\], one sample"),
        ("first", {}, "x must be finite numbers"),
        ([1.0, 2.0, np.inf], {}, "x must be finite, got inf"),
        ([1.0, 2.0, 3.0], {"kinetics": "ode"}, "unknown kinetics 'ode'"),
        ([1.0, 2.0, 3.0], {"volume": 0.0}, "volume must be positive"),
        ([1.0, 2.0, 3.0], {"weights": [1.0]}, r"weights must have shape \[26\]"),
        ([1.0, 2.0, 3.0], {"path": __file__}, "exists"),
    ],
)
def test_mistakes_are_sentences(fit, x, how, message):
    with pytest.raises(InputError, match=message):
        fit.to_sbml(x, **how)


def test_one_sample_can_be_a_row(fit):
    x = fit.plan.dataset.test_x[4]
    assert fit.to_sbml([x]) == fit.to_sbml(x)


def test_a_chemistry_with_phases_is_refused(monkeypatch):
    fit = gnn.train("xor", presentations=2, running_time=2.0, volume=100, seed=1, progress=False)
    phases = tuple(Phase(name, time, (), learns=False) for name, time in (("first", 1.0), ("second", None)))
    monkeypatch.setattr("gillespie_nn.api.fit.network_of", lambda *_, **__: _Phased(fit.spec, phases))
    with pytest.raises(
        InputError, match=r"the environment of chemistry kang_kim acts during a presentation \(phases first,"
    ):
        fit.to_sbml([0, 1])


class _Phased:
    def __init__(self, spec, phases):
        self.chemistry, self.network, self.phases = spec.chemistry, spec.network, phases
