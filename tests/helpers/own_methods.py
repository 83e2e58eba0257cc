"""A method, a noise and a dataset as a user writes them, in a module from outside the package."""

from dataclasses import dataclass

import numpy as np

from gillespie_nn import Dataset
from gillespie_nn.kernels import codes
from gillespie_nn.noise import Noise
from gillespie_nn.simulation.methods import Direct, Method
from gillespie_nn.simulation.methods.method import Option, one_of


class Mine(Direct):
    """The direct method under another name, with an option of its own."""

    name = "mine"
    options = (Option("flavour", "plain", one_of("plain", "other"), "has no effect", kind=str),)


class InPython(Method):
    """The direct method in plain Python, for reactions of at most one molecule of each species."""

    name = "in_python"

    @classmethod
    def compile(cls, network, rates):
        return network.compiled.single

    def __init__(self, network, rates, *rest, **named):
        super().__init__(network, rates, *rest, **named)
        self._rates, self._next = np.array(rates), None
        self._change = np.asarray(network.stoichiometry.todense()).T
        self._reactants = [[network.index[s] for s, _ in r.reactants] for r in network.reactions]

    def _propensities(self):
        return [k * np.prod(self.counts[of]) for k, of in zip(self._rates, self._reactants)]

    def _advance(self, t_stop, grid_time, grid_counts, event_limit):
        for _ in range(1000):
            propensities = np.array(self._propensities())
            total = propensities.sum()
            if self._next is None:
                self._next = self.time + self.rng.exponential(1 / total) if total else np.inf
            passed = min(self._next, np.nextafter(t_stop, np.inf))
            while self.grid_index < len(grid_time) and grid_time[self.grid_index] < passed:
                grid_counts[self.grid_index] = self.counts
                self._tally[codes.GRID_INDEX] += 1
            if self._next > t_stop:
                self._clock[codes.TIME] = t_stop
                return codes.REACHED_END
            fired = self.rng.choice(len(propensities), p=propensities / total)
            self._counts[: self.n_species] += self._change[fired]
            self._clock[codes.TIME], self._next = self._next, None
            self._tally[codes.N_EVENTS] += 1
        return codes.SLICE_END

    def _set_counts(self, species, values):
        self._counts[species] = values
        self._next = None

    def can_react(self):
        return sum(self._propensities()) > 0


@dataclass(frozen=True)
class Warmth(Noise):
    """All rate constants move together."""

    kind: str = "constant"

    name = "warmth"
    acts_on = "all rates together"
    purposes = (1000, 1001)
    kinds = ("constant", "presentation")

    def places(self, network, unforced):
        return np.arange(len(network.reactions))

    def act(self, rates, xi, places, first):
        rates[places] *= 1.0 + self.amplitude * xi[0]


class MyData(Dataset):
    """Samples of one's own class."""
