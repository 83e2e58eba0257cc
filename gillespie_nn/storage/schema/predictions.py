"""Files of a prediction by simulation."""

from .attributes import JSON, STAMP, TEXT
from .entries import REAL, Attribute, Format, entry, plain

PREDICTIONS = Format(
    name="file of a prediction",
    filetype="gillespie-nn prediction",
    version=(1, 0),
    attributes=(*STAMP, Attribute("task", *TEXT), Attribute("arguments", *JSON)),
    entries=(
        entry("targets", "sample output", REAL, "concentration", stored=plain),
        entry("outputs", "sample output", REAL, "concentration", stored=plain),
    ),
    remedy="remove it and try again",
)
