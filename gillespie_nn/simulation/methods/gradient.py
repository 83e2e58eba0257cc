"""The slow limit of training: online gradient descent, and gradient flow sample by sample, in floating point.

As eta -> 0 at a fixed step s = eta T the weights of the rate equations follow the gradient flow of each sample's loss
for a time s, and that follows a step of gradient descent as s -> 0. The state is that of the compiled network, with a
weight on the rail of its sign and the output of the presented sample; all that lies between is not of this level.
The volume only scales that state.
"""

import numpy as np

from ...checks import InputError, UnfinishedError
from ...kernels import codes
from .base import Method
from .options import Option, fraction


class _Numbers:
    """Signed numbers [concentration] in the state of a network, each on the rail of its sign."""

    def __init__(self, network, rails, volume):
        self._rails, self._volume = rails, volume
        self._signed = np.array([r.minus is not None for r in rails], dtype=np.bool_)
        self._plus = np.array([network.index[r.plus] for r in rails])
        self._minus = np.array([network.index[r.minus or r.plus] for r in rails])

    def read(self, state):
        return (state[self._plus] - np.where(self._signed, state[self._minus], 0.0)) / self._volume

    def write(self, state, values):
        state[self._minus] = np.maximum(-values, 0.0) * self._volume
        state[self._plus] = np.maximum(values, 0.0) * self._volume

    def name(self, which):
        """Of the first of `which`, bool[number]."""
        return self._rails[int(np.argmax(which))].plus.removesuffix("_p")


class GradientDescent(Method):
    """One step w -= s dL/dw for each presentation, s = learning rate times (running time - hold)."""

    name = "gradient_descent"
    summary = "training only: online gradient descent in floating point, the limit of slow learning"
    reference = "D. E. Rumelhart, G. E. Hinton, R. J. Williams, Nature 323 (1986) 533-536, doi:10.1038/323533a0"
    exact = False
    deterministic = True
    dtype = np.float64
    units = "concentration"
    training_only = True

    def __init__(self, plan, rng, counts, start_time):
        self._spec, self._volume, self._rate = plan.spec, plan.volume, plan.settings.learning_rate
        self.settings, self.network, self.rng = plan.options, plan.spec.network, rng
        self._state = np.array(counts, dtype=np.float64)
        self._weights = plan.spec.read_weights(self._state, self._volume)
        self._time = float(start_time)
        self._licence = [self.network.index[pair.plus] for pair in plan.spec.licence]
        groups = plan.spec.inputs, plan.spec.targets, plan.spec.weights, plan.spec.outputs
        self._inputs, self._targets, *self._results = (_Numbers(self.network, rails, self._volume) for rails in groups)

    @classmethod
    def for_training(cls, plan, rng, counts, start_time):
        return cls(plan, rng, counts, start_time)

    @classmethod
    def refuse(cls, network):
        raise InputError(
            f"{cls.name} is a level of training, not of reaction networks in general: use "
            f"train(..., method='{cls.name}')"
        )

    @classmethod
    def compile(cls, network, rates):
        return None

    @property
    def counts(self):
        view = self._state[:]
        view.flags.writeable = False
        return view

    @property
    def time(self):
        return self._time

    @property
    def n_events(self):
        return 0

    def _set_counts(self, species, values):
        self._state[species] = values

    def set_counts(self, species, values):
        self._set_counts(species, values)

    def advance(self, t_stop):
        """Learn the sample that is presented, for the time up to t_stop; a step of no time learns nothing."""
        x, t = self._inputs.read(self._state), self._targets.read(self._state)
        held = bool(self._licence) and not self._state[self._licence].all()
        if t_stop > self._time and not held:
            self._weights = self._learn(x, t, self._rate * (t_stop - self._time))
        self._time = max(self._time, float(t_stop))
        for numbers, values in zip(self._results, (self._weights, self._spec.floating.forward(self._weights, x))):
            wrong = ~(np.abs(values) * self._volume <= codes.COUNT_LIMIT)
            if wrong.any():
                raise UnfinishedError(
                    f"{self.name} diverged: {numbers.name(wrong)} is {values[wrong][0]:g} [concentration] at t = "
                    f"{self._time:g} s; use a smaller learning rate, running time or initial scale"
                )
            numbers.write(self._state, values)
        return codes.REACHED_END

    def _learn(self, x, t, step):
        """Weights after the presented sample x, t, for `step` = eta T."""
        return self._weights - step * self._spec.floating.gradient(self._weights, x, t)

    def recall(self, n_events, memory):
        pass  # the weights are all there is, and they are in the state

    def _advance(self, t_stop, grid_time, grid_counts, event_limit):
        return self.advance(t_stop)

    def set_rates(self, rates):
        raise InputError(f"{self.name} learns in floating point: it has no reactions whose rates could change")

    def can_react(self):
        return True


class GradientFlow(GradientDescent):
    """dw/ds = -dL/dw of the presented sample, for s = learning rate times (running time - hold)."""

    name = "gradient_flow"
    summary = "training only: gradient flow of each sample in turn, the limit of slow learning at a finite step"
    options = (Option("flow_rtol", 1e-9, fraction, "relative tolerance of the gradient flow"),)

    def _learn(self, x, t, step):
        try:
            return self._spec.floating.gradient_flow(self._weights, x, t, step, self.settings["flow_rtol"])
        except UnfinishedError as error:
            raise UnfinishedError(f"{self.name}, in the presentation from t = {self._time:g} s: {error}") from None
