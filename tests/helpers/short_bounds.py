"""A setting of the propositions that is verified in seconds."""

import numpy as np

from gillespie_nn.propositions import Choice

SIZES = np.geomspace(1e-4, 1e-2, 6)
SHORT = Choice("5.2", "crossing", running_time=2.0, presentations=2)
