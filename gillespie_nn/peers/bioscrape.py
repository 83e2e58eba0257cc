"""bioscrape: one interface for all replicates, which its documentation recommends for repeated simulations, and its
simulator class, without a table of pandas for each run. Its mass action is k A (A - 1), as here."""

import numpy as np

from .base import Channel, Job, Peer, in_order

_MOST_MASS_ACTION = 2
"""Molecules that react. Its mass action of more took 3.5 times as long as the same law as a general expression."""


class Bioscrape(Peer):
    name = "bioscrape"
    modules = ("bioscrape",)
    distribution = "bioscrape"
    install = "bioscrape"

    def __init__(self, job: Job) -> None:
        from bioscrape.random import py_seed_random
        from bioscrape.simulator import ModelCSimInterface, SSASimulator
        from bioscrape.types import Model

        reactions = [(c.left(), c.right(), *_propensity(c)) for c in job.channels()]
        self._model = Model(species=list(job.species), reactions=reactions, initial_condition_dict=job.start())
        self._interface = ModelCSimInterface(self._model)
        self._interface.py_set_initial_time(0.0)
        self._simulator, self._seed = SSASimulator(), py_seed_random
        self._grid = job.grid
        self._order = in_order(self._model.get_species_list(), job.species)

    def run(self, n: int, seed: int) -> list:
        self._seed(seed + 1)  # 0 would draw a seed from the clock
        return [self._simulator.py_simulate(self._interface, self._grid) for _ in range(n)]

    def counts(self, result: list) -> np.ndarray:
        return np.array([run.py_get_result() for run in result])[:, :, self._order]


def _propensity(channel: Channel) -> tuple[str, dict]:
    h = channel.hill
    if h is None and len(channel.left()) > _MOST_MASS_ACTION:
        return "general", {"rate": channel.formula()}
    if h is None:
        return "massaction", {"k": channel.k}
    return "hillnegative", {"k": h.k, "s1": h.repressor, "K": h.half, "n": h.power}
