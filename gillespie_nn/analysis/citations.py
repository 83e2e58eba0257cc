"""What to cite: the software, and the publications behind methods, activations and noises, which name their own."""

from typing import Any

from .._version import __version__
from ..activations import ACTIVATIONS
from ..nn.chemistries import CHEMISTRIES
from ..noise import KINDS
from ..simulation import METHODS, ONLY_TRAINING
from ..storage import MomentsRun, Run
from ..storage.damage import understood
from ..storage.schema import TRAINING

SOFTWARE = f"The gillespie-nn developers, gillespie-nn, version {__version__}, software, MIT licence"


def citations() -> dict[str, list[str]]:
    """All references, by subject."""
    found = {"gillespie-nn": [SOFTWARE]}
    every: tuple[Any, ...] = (*CHEMISTRIES, *METHODS, *ONLY_TRAINING, *ACTIVATIONS, *KINDS)
    return found | {each.name: _split(each) for each in every if each.reference}


def citations_of(run: Run | MomentsRun) -> dict[str, list[str]]:
    """References for what `run`, a `Run` or a `MomentsRun`, used, by subject."""
    used = {"gillespie-nn", run.method}
    with understood(run.path):
        asked = run.provenance["parameters"]
        if run.kind == TRAINING:
            settings = asked.get("settings", {})
            used |= {settings.get("chemistry", CHEMISTRIES[0].name)}
            used |= {settings.get("activation"), settings.get("output_activation")}
        used |= {noise["kind"] for noise in (*asked.get("noise", []), *asked.get("predict_noise", []))}
    return {name: references for name, references in citations().items() if name in used}


def citations_text(found: dict[str, list[str]]) -> str:
    """The references `found` by `citations` as text, one line for each publication."""
    lines = [f"  {name}: {reference}" for name, references in found.items() for reference in references]
    return "\n".join(["please cite:", *lines])


def _split(each: Any) -> list[str]:
    return each.reference.split("; ")
