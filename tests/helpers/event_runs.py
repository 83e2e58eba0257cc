"""A run that records its events."""

import gillespie_nn as gnn

NET = gnn.ReactionNetwork.from_text("make: 0 -> A @ 10\nlose: A -> 0 @ 1\npair: 2 A -> B @ 0.02\nB -> 0 @ 0.5")
RUN = {"t_end": 5.0, "n_points": 11, "replicates": 20, "seed": 1, "count_firings": True}
SCHEDULE = [(1.0, {"A": 50}), (1.0, {"B": 2}), (3.3, {"A": 7})]
