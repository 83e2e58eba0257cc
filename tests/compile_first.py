"""Compile what most tests need, each method once: pytest's processes would each compile all of it."""

import multiprocessing
import os

from gillespie_nn.simulation import METHODS
from gillespie_nn.studies.points import compile_kernels

SLOWEST = "tau_leap", "rejection", "layered"


def main():
    names = [m.name for m in METHODS if not m.records_covariance]
    names.sort(key=lambda name: name not in SLOWEST)
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(len(names), os.cpu_count() or 1)) as pool:
        pool.starmap(compile_kernels, [(name, True) for name in names], chunksize=1)


if __name__ == "__main__":
    main()
