"""A network to make run files of, and the content of such files."""

import h5py

import gillespie_nn as gnn

NET = gnn.ReactionNetwork.from_text("2 A -> B @ 0.01\nB -> 2 A @ 0.1\n0 -> A @ 1\nA -> 0 @ 0.1\nA = 40")
RUN = {"replicates": 5, "seed": 1, "count_firings": True, "initial": {"A": 30}, "rates": {"r3": 2.0},
       "schedule": [(1.0, {"B": 3})], "method": "rejection"}  # fmt: skip
"""How `NET` is simulated where a run is killed and goes on."""


def content(path):
    """Everything in a file but `created` and `/provenance`."""
    found = {}
    with h5py.File(path, "r", swmr=True) as file:

        def visit(name, item):
            if name.split("/")[0] == "provenance":
                return
            value = item[()].tolist() if isinstance(item, h5py.Dataset) else None
            if isinstance(value, list) and str(value).count("nan"):
                value = str(value)  # in which NaN equals NaN
            attributes = {k: str(v) for k, v in item.attrs.items() if "LIST" not in k}
            found[name] = (value, attributes)

        file.visititems(visit)
        found["/"] = {k: str(v) for k, v in file.attrs.items() if k != "created"}
    return found


def same(a, b):
    """Whether two files have the same content; as text, in which NaN equals NaN."""
    return str(content(a)) == str(content(b))
