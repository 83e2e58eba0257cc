"""Optimized direct method (Cao, Li and Petzold 2004); see `kernels.direct`."""

import numpy as np

from ...kernels.direct import Drift
from .direct import Direct


class OptimizedDirect(Direct):
    name = "optimized_direct"
    summary = "exact: a linear search, with a running sum of what reactions change; for some tens of reactions"
    reference = (
        "Y. Cao, H. Li, L. Petzold, J. Chem. Phys. 121 (2004) 4059-4067, doi:10.1063/1.1778376; "
        "D. T. Gillespie, J. Phys. Chem. 81 (1977) 2340-2361, doi:10.1021/j100540a008"
    )

    @staticmethod
    def _drift() -> Drift:
        return Drift(np.zeros(1))
