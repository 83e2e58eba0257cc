"""The slow limit of training: online gradient descent, and gradient flow sample by sample, in floating point.

As eta -> 0 at a fixed step s = eta T the weights of the rate equations follow the gradient flow of each sample's loss
for a time s, and that follows a step of gradient descent as s -> 0. The state is that of the compiled network, with a
weight on the rail of its sign and the output of the presented sample; all that lies between is not of this level.
"""

import numpy as np

from ...checks import InputError
from ...kernels import codes
from ...nn.compiler import rail_counts, rail_species
from .base import Method
from .options import Option, fraction


class GradientDescent(Method):
    """One step w -= s dL/dw for each presentation, s = learning rate times running time."""

    name = "gradient_descent"
    summary = "training only: online gradient descent in floating point, the limit of slow learning"
    reference = "D. E. Rumelhart, G. E. Hinton, R. J. Williams, Nature 323 (1986) 533-536, doi:10.1038/323533a0"
    exact = False
    deterministic = True
    dtype = np.float64
    units = "concentration"
    training_only = True

    def __init__(self, plan):
        self._spec, self._volume, self._rate = plan.spec, plan.volume, plan.settings.learning_rate
        self.settings, self.network = plan.options, plan.spec.network
        self._state = np.array(plan.counts, dtype=np.float64)
        self._weights = plan.spec.read_weights(self._state, self._volume)
        self._time = 0.0
        index = self.network.index
        self._rails = [rails for rails in (plan.spec.weights, plan.spec.outputs)]
        self._places = [[index[s] for s in rail_species(rails)] for rails in self._rails]

    @classmethod
    def for_training(cls, plan, rng):
        return cls(plan)

    @classmethod
    def refuse(cls, network):
        raise InputError(
            f"{cls.name} is a level of training, not of reaction networks in general: use "
            f"train(..., method='{cls.name}')"
        )

    @classmethod
    def compile(cls, network, rates):
        return None

    counts = property(lambda self: self._state)
    time = property(lambda self: self._time)
    n_events = property(lambda self: 0)

    def _set_counts(self, species, values):
        self._state[species] = values

    def set_counts(self, species, values):
        self._set_counts(species, values)

    def advance(self, t_stop):
        """Learn the sample that is presented, for the time up to t_stop; a step of no time learns nothing."""
        spec, volume = self._spec, self._volume
        x, t = (spec.read(rails, self._state, volume) for rails in (spec.inputs, spec.targets))
        if t_stop > self._time:
            self._weights = self._learn(x, t, self._rate * (t_stop - self._time))
            if not np.isfinite(self._weights).all():
                return codes.OVERFLOW
            self._time = float(t_stop)
        values = self._weights, spec.floating.forward(self._weights, x)
        for places, rails, numbers in zip(self._places, self._rails, values):
            self._state[places] = rail_counts(rails, numbers, volume, np.float64)
        return codes.REACHED_END

    def _learn(self, x, t, step):
        return self._weights - step * self._spec.floating.gradient(self._weights, x, t)

    def _advance(self, t_stop, grid_time, grid_counts, event_limit):
        return self.advance(t_stop)

    def can_react(self):
        return True


class GradientFlow(GradientDescent):
    """dw/ds = -dL/dw of the presented sample, for s = learning rate times running time."""

    name = "gradient_flow"
    summary = "training only: gradient flow of each sample in turn, the limit of slow learning at a finite step"
    options = (Option("flow_rtol", 1e-9, fraction, "relative tolerance of the gradient flow"),)

    def _learn(self, x, t, step):
        return self._spec.floating.gradient_flow(self._weights, x, t, step, self.settings["flow_rtol"])
