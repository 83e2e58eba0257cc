"""Exact simulation of layered networks: the rejection method with product families; see `kernels.families`."""

import numpy as np

from ...crn import ReactionNetwork
from ...crn.compile import Structure
from .rejection import Rejection


class Layered(Rejection):
    name = "layered"
    continuous = False
    summary = (
        "exact, for large training networks: the weight updates of a layer form one channel, sampled by row and column"
    )
    reference = Rejection.reference

    @classmethod
    def compile(cls, network: ReactionNetwork, rates: np.ndarray) -> Structure:
        return network.compiled.layered(rates)
