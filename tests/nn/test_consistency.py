"""Equations that would compile to something else than what is written are refused, and floating point follows the
reactions where a chemistry is not today's."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import gillespie_nn as gnn
from gillespie_nn.activations import ReLU, SmoothReLU
from gillespie_nn.nn.chemistries import FeedbackAlignment, KangKim
from gillespie_nn.nn.chemistry import ABOVE, BELOW, INPUTS, LAST, SAMPLE, TARGETS, Equation, EquationError, Phase

Z, Y = KangKim.forward
E, ABOVE_ERROR, S, D = KangKim.backward
W, B = KangKim.learn


def changed(base=KangKim, **attributes):
    """Today's chemistry with other attributes."""
    made = type("Changed", (base,), {"name": "changed", **attributes})
    made.__annotations__ = dict.fromkeys(attributes, ClassVar)
    return dataclass(frozen=True)(made)()


def update(*texts):
    return {"learn": tuple(Equation("update", text) for text in texts)}


def forward(text):
    return {"forward": (Z._replace(text=text), Y)}


@pytest.mark.parametrize("attributes, message", [
    (update(W.text, B.text, "W[i,j]' = - learning_rate W[i,j]"), "W of layer 1 has an equation already"),
    (update("W[i,i]' = - learning_rate D[i] Y.below[i]", B.text), "W has the same index twice"),
    (update("W[i]' = - learning_rate D[i]", B.text), "W is written with 1 indices, and has 2 in layer 1"),
    (update("W[i,j]' = - learning_rate B[i,j]", B.text), "B is written with 2 indices, and has 1"),
    (update("W[i,j]' = - learning_rate D[j] Y.below[i]", B.text), "index j takes 2 values, and 3 in D"),
    (update("W[i,j]' = - learning_rate W[i,j] D[i]", B.text), "sum over indices is not supported in floating point"),
    (update("W[i,j]' = learning_rate W[i,j] Y.below[j]", B.text), "sum over indices is not supported"),
    (forward("Z[i]' = W[j,i] Y.below[j] - Z[i]"), "index i takes 3 values, and 2 in W"),
    (forward("Z[i]' = W[i,j] Y.below[j] + Q[i] - Z[i]"), "no equation before this one makes Q of layer 1"),
    (forward("Z[i]' = W[i,j] Y.below[j] + T[i] - Z[i]"), "index i takes 3 values, and 2 in T"),
    (forward("Z[i]' = W[i,j] Y.below[j] + K - Z[i]"), "K is not a port of changed"),
    ({"forward": (Equation("one", "K' = 1 - K"), Z, Y)}, "K needs an index"),
    ({"forward": (Z, Y._replace(layers="all"))}, "layer 2 has no activation"),
    ({"forward": (Z, Y._replace(text="Y[i] = f(Z[j])"))}, "both sides need the same index"),
    ({"backward": (E, ABOVE_ERROR._replace(text="E[i]' = D.above[i] - E[i]"), S, D)}, "index i takes 3 values"),
    ({"backward": (ABOVE_ERROR._replace(layers=LAST), S, D)}, "of layer 3 is read: the network has layers 1 to 2"),
    ({"ports": {"licence": "L"}}, "port 'licence' sets L, which no equation of changed reads"),
    ({"matrices": {"W": BELOW, "F": ABOVE}, "fixed": {"F": "annihilation_rate"},
      "backward": (E._replace(text="E[i]' = F[i,k] D[k] - E[i]"), ABOVE_ERROR, S, D)}, "F .* is not there in layer 2"),
])  # fmt: skip
def test_equations_that_do_not_fit_the_network_are_refused(attributes, message):
    with pytest.raises(EquationError, match=message):
        gnn.training_network((2, 3, 2), chemistry=changed(**attributes))


@pytest.mark.parametrize("letter", ["D", "W", "X"])
def test_an_activation_whose_helper_is_a_quantity_of_the_chemistry_is_refused(letter):
    class Helped(SmoothReLU):
        helpers = {letter: 1.0}

    with pytest.raises(EquationError, match=f"{letter} is a quantity of kang_kim, and a helper of"):
        gnn.training_network((2, 3, 1), Helped())


def test_weights_without_an_equation_stay():
    """The first layer does not learn; memory that is not written would give it any direction."""
    chemistry = changed(learn=(W._replace(layers=LAST), B._replace(layers=LAST)))
    floating = gnn.training_network((20, 20, 1), chemistry=chemistry).floating
    used = np.full(floating.n_weights, 7.0)  # so that memory of this size is not 0 when it is used again
    weights, x = floating.initial_weights(1), np.full(20, 0.5)
    del used
    gradient = floating.gradient(weights, x, [0.3])
    first = 20 * 20 + 20
    assert not gradient[:first].any() and gradient[first:].all()


def test_a_learning_rate_in_another_equation_than_a_weights_counts_in_floating_point():
    slow = changed(
        backward=(E._replace(text="E[i]' = learning_rate Y[i] - learning_rate T[i] - E[i]"), *KangKim.backward[1:])
    )
    one, two = (gnn.training_network((2, 3, 1), chemistry=c).floating for c in (slow, KangKim()))
    weights = one.initial_weights(1)
    gradients = [n.gradient(weights, [0.2, 0.9], [0.4]) for n in (one, two)]
    np.testing.assert_allclose(gradients[0], KangKim().learning_rate * gradients[1], rtol=1e-12)


def test_fixed_random_numbers_may_stand_in_the_forward_pass():
    """Y comes to W Y + F Y: prediction by simulation has the same F as training."""
    random = changed(
        FeedbackAlignment, fixed={"F": "feedback"}, matrices={"W": BELOW, "F": BELOW},
        forward=(Z._replace(text="Z[i]' = W[i,j] Y.below[j] + F[i,j] Y.below[j] + B[i] - Z[i]"), Y),
        backward=KangKim.backward,
    )  # fmt: skip
    fit = gnn.train(
        "xor", chemistry=random, seed=3, presentations=1, running_time=20.0, volume=1e6, method="ode",
    )  # fmt: skip
    x = np.array([[0.0, 1.0], [1.0, 1.0]])
    exact = fit.predict(x, exact_forward=True)
    np.testing.assert_allclose(fit.predict(x), exact, atol=0.02)
    without = gnn.training_network(fit.spec.layers).floating.forward(fit.weights, x)
    assert np.abs(exact - without).max() > 0.1


def _gated(*phases):
    """Weights learn from G = D L, and L is what `phases` set."""
    return changed(
        learn=KangKim.learn_if_licensed, ports=property(lambda self: {"licence": "L"}),
        phases=property(lambda self: phases),
    )  # fmt: skip


SHOW = ((INPUTS, SAMPLE), (TARGETS, SAMPLE), ("licence", 0.0))


def test_floating_point_has_ports_as_they_are_while_the_network_learns():
    rest = Phase("rest", None, (("licence", 0.0),), learns=False)
    learns = Phase("learn", 5.0, (("licence", 0.5),)), Phase("more", 1.0, ())
    spec = gnn.training_network((2, 3, 1), chemistry=_gated(Phase("show", 2.0, SHOW, learns=False), *learns, rest))
    plain = gnn.training_network((2, 3, 1)).floating
    weights = plain.initial_weights(1)
    np.testing.assert_allclose(
        spec.floating.gradient(weights, [0.2, 0.9], [0.4]), 0.5 * plain.gradient(weights, [0.2, 0.9], [0.4])
    )
    assert spec.chemistry.step(20.0) == pytest.approx(0.01 * 6.0)
    several = Phase("learn", 5.0, (("licence", 0.5),)), Phase("more", 1.0, (("licence", 1.0),))
    with pytest.raises(EquationError, match="L is not a port of changed with one value in all phases"):
        gnn.training_network((2, 3, 1), chemistry=_gated(Phase("show", 2.0, SHOW, learns=False), *several, rest))


def test_phases_that_fill_the_presentation_are_refused_before_a_run_begins(tmp_path):
    chemistry = _gated(Phase("show", 2.0, SHOW), Phase("learn", 3.0, (("licence", 1.0),)), Phase("rest", None, ()))
    with pytest.raises(gnn.InputError, match="show and learn must be shorter than running_time, got 5 s and 5 s"):
        gnn.train("xor", chemistry=chemistry, running_time=5.0, presentations=1, output=tmp_path / "run.h5")
    assert not (tmp_path / "run.h5").exists()


def test_a_volume_in_which_no_weight_is_a_molecule_is_refused_whatever_else_is_there():
    class Switched(ReLU):
        helpers = {"A": 100.0}

        def backward(self, builder, z, y, s, helpers):
            super().backward(builder, z, y, s, helpers)
            builder.decay(helpers["A"])

    few = {"seed": 0, "presentations": 1, "running_time": 1.0}
    with pytest.raises(gnn.InputError, match="volume = 0.1 is too small: the largest initial weight, 1, would be 0.1"):
        gnn.train("xor", activation=Switched(), volume=0.1, **few)
    feedback = {"chemistry": "feedback_alignment", "feedback": 0.004, "volume": 100.0}
    with pytest.raises(gnn.InputError, match="volume = 100 is too small: the largest fixed weight, 0.00"):
        gnn.train("xor", **feedback, **few)
    gnn.train("xor", **feedback, **few, method="ode")  # which does not round
    with pytest.raises(gnn.InputError, match="volume = 0.4 is too small: species A of activation smooth_relu"):
        gnn.train("xor", volume=0.4, initial_scale=5.0, **few)


def test_a_forward_network_has_the_ports_that_its_equations_read():
    """The bias comes with L, in the second half of a presentation."""
    chemistry = changed(
        **forward("Z[i]' = W[i,j] Y.below[j] + B[i] L - Z[i]"), ports={"light": "L"},
        phases=(
            Phase("dark", 10.0, (*SHOW[:2], ("light", 0.0)), learns=False), Phase("light", None, (("light", 1.0),)),
        ),
    )  # fmt: skip
    spec = gnn.training_network((2, 2, 1), chemistry=chemistry, learning=False)
    assert list(spec.ports) == ["inputs", "light"]
    assert [p.sets for p in spec.phases] == [((INPUTS, SAMPLE), ("light", 0.0)), (("light", 1.0),)]
    weights = np.array([0.5, 0.2, 0.1, 0.4, 0.3, -0.2, 0.6, 0.7, 1.0])
    fit = gnn.train("xor", chemistry=chemistry, hidden=2, volume=1e6, method="ode", presentations=1, running_time=60.0)
    x = np.array([[0.0, 1.0]])
    np.testing.assert_allclose(fit.predict(x, weights=weights), spec.floating.forward(weights, x), atol=1e-3)


def test_a_quantity_that_follows_from_no_other_is_refused():
    with pytest.raises(EquationError, match="Z follows from no other quantity"):
        gnn.training_network((2, 2, 1), chemistry=changed(**forward("Z[i]' = 1 - Z[i]")))


@pytest.mark.parametrize("weights", [("W",), ("B", "W"), ("W", "B", "B")])
def test_weights_are_a_matrix_and_the_biases(weights):
    with pytest.raises(EquationError, match="must be a matrix and then the biases"):
        gnn.training_network((2, 2, 1), chemistry=changed(weights=weights))
