"""Files of a verification of bounds: the results of each path."""

from .attributes import JSON, STAMP
from .entries import BYTE, INTEGER, NAME, REAL, TRUTH, Attribute, Format, deflated, entry, plain

BOUNDS = Format(
    name="file of a verification of bounds",
    filetype="gillespie-nn bounds",
    version=(1, 0),
    attributes=(*STAMP, Attribute("arguments", *JSON)),
    entries=(
        entry("size", "size", REAL, stored=plain),
        entry("quantity", "quantity", NAME),
        entry("is_number", "quantity", TRUTH, stored=plain),
        entry("theta", "path size quantity", REAL, "concentration", stored=deflated),
        entry("theta_0", "path quantity", REAL, "concentration", stored=deflated),
        entry("bound", "path size quantity", REAL, "concentration", stored=deflated),
        entry("ratio", "path size quantity", REAL, stored=deflated),
        entry("violations", "path size quantity", INTEGER, stored=deflated),
        entry("committed", "path task", BYTE, stored=deflated),
    ),
    remedy="choose another output, or replace it with overwrite=True (--overwrite)",
)
