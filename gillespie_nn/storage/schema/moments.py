"""Files of moments and quantiles."""

from ...simulation.moments import ARRAYS, N_STATUSES
from .attributes import JSON, RUN, TEXT, whole
from .entries import INTEGER, NAME, REAL, TRUTH, Attribute, Format, entry, plain
from .runs import MODEL

KIND = "moments"
SKETCH = ("cell", "bucket", "count")
_BOTH = "time quantity"

MOMENTS = Format(
    name="file of moments",
    filetype="gillespie-nn moments",
    version=(1, 1),
    attributes=(
        *RUN,
        Attribute("method_reason", *TEXT),
        Attribute("arguments", *JSON, since=(1, 1)),
        Attribute("units", *TEXT),
        Attribute("task", *TEXT),
        Attribute("n_replicates", *whole(1)),
        Attribute("n_done", *whole(0)),
        Attribute("n_events", *whole(0)),
    ),
    entries=(
        entry("time", "time", REAL, "s", stored=plain),
        entry("quantity", "quantity", NAME),
        *(entry(f"moments/{name}", _BOTH, INTEGER if name == "n" else REAL) for name in (*ARRAYS, "variance")),
        entry("statuses", "status", INTEGER, stored=plain),
        entry("statistics/*", "", REAL),
        entry("sketch/whole", "place", TRUTH, optional=True),
        *(entry(f"sketch/{name}", "cell", INTEGER, optional=True) for name in SKETCH),
        *MODEL,
        entry("provenance/json", "", NAME, json=True),
        entry("provenance/seconds", "", REAL, "s"),
    ),
    groups=("statistics",),
    kinds=(KIND,),
    lengths={"entry": 3, "status": N_STATUSES},
    scaled=frozenset(_BOTH.split()),
    remedy="run the simulation again",
)
