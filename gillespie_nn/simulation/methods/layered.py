"""Exact simulation of layered networks: the rejection method with product families; see `kernels.families`."""

from .rejection import Rejection


class Layered(Rejection):
    name = "layered"
    summary = "exact, for large training networks: weight updates of a layer are one channel, drawn by row and column"
    reference = Rejection.reference

    @classmethod
    def compile(cls, network, rates):
        return network.compiled.layered(rates)
