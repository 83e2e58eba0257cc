"""SBML models of an experiment: targets in them, changes, and values that are to be recorded."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from typing import Any

from .. import checks
from ..checks import InputError
from ..crn import ReactionNetwork
from .files import DECLARATION

_STEP = re.compile(r"(?:[\w.-]+:)?([\w.-]+)(?:\[\s*@([\w.:-]+)\s*=\s*(?:'([^'\]]*)'|\"([^\"\]]*)\")\s*\])?")
_VALUE = {"parameter": "value", "localParameter": "value", "compartment": "size", "speciesReference": "stoichiometry"}
_RECORDED = ("species", "parameter", "compartment", "reaction", "speciesReference")
_PREFIX = "sedml_value_of_"


class Model:
    """An SBML document that can be changed. Raises InputError if the text is not XML."""

    def __init__(self, text: str) -> None:
        try:
            self._root = ElementTree.fromstring(text)
        except (ElementTree.ParseError, ValueError) as error:
            raise InputError(f"the model is not XML: {error}") from None

    def text(self) -> str:
        return DECLARATION + ElementTree.tostring(self._root, encoding="unicode")

    def identifier(self, target: str) -> str:
        """The identifier of the element that a target of a variable names. Raises InputError."""
        element, attribute = self._element(target)
        kind, name = _local(element.tag), element.get("id")
        if attribute not in (None, "id", *_of(element)) or kind not in _RECORDED or not name:
            raise InputError(
                f"the target {target!r} has no value over time: use one of a {', '.join(_RECORDED[:-1])} with an id"
            )
        return name

    def value(self, target: str) -> float:
        """The number in an attribute. Raises InputError."""
        element, attribute = self._element(target)
        text = element.get(attribute or _attribute(element, target), "")
        try:
            return float(text)
        except ValueError:
            raise InputError(f"the target {target!r} has no number, but {text[:60]!r}") from None

    def change(self, target: str, text: str) -> None:
        """Set an attribute. Raises InputError."""
        element, attribute = self._element(target)
        attribute = attribute or _attribute(element, target)
        if attribute in ("id", "metaid"):
            raise InputError(f"the target {target!r} is an identifier, which cannot be changed")
        for other in ("initialAmount", "initialConcentration"):
            if attribute.startswith("initial") and other != attribute:
                element.attrib.pop(other, None)
        element.set(attribute, text)

    def network(self, recorded: Iterable[str], substance: str | None) -> ReactionNetwork:
        """The network, with a rule for each of these identifiers, which `recorded_as` names."""
        sbml = checks.optional("libsbml", "sbml", "reading SBML")
        document = sbml.readSBMLFromString(self.text())
        model = document.getModel()
        for name in recorded if model is not None else ():
            parameter, rule = model.createParameter(), model.createAssignmentRule()
            if parameter is None or rule is None:
                raise InputError("values of a model of SBML level 1 cannot be recorded: convert it to level 2 or 3")
            parameter.setId(recorded_as(name))
            parameter.setConstant(False)
            rule.setVariable(recorded_as(name))
            node = sbml.ASTNode(sbml.AST_NAME)  # not from a text, in which some names are constants
            node.setName(name)
            rule.setMath(node)
        return ReactionNetwork.from_sbml(sbml.writeSBMLToString(document), substance=substance)

    def _element(self, target: str) -> tuple[ElementTree.Element, str | None]:
        """The element of an XPath such as `/sbml:sbml/sbml:model/.../sbml:parameter[@id='k']/@value`, and the name of
        the attribute, if it ends in one."""
        path, _, attribute = target.strip().partition("/@")
        steps = [_STEP.fullmatch(step) for step in re.split(r"/(?![^\[]*\])", path.lstrip("/"))]
        if not path.startswith("/") or path.startswith("//") or None in steps:
            raise InputError(
                f"the target {target[:120]!r} is not supported: write the whole path, such as "
                "/sbml:sbml/sbml:model/sbml:listOfParameters/sbml:parameter[@id='k']/@value"
            )
        found = [self._root]
        for k, step in enumerate(steps):
            assert step is not None
            name, key, one, other = step.groups()
            value = one if one is not None else other
            nodes = found if k == 0 else [child for element in found for child in element]
            found = [e for e in nodes if _local(e.tag) == name and (key is None or e.get(key) == value)]
        if len(found) != 1:
            raise InputError(f"the target {target!r} fits {len(found)} elements of the model, and must fit one")
        return found[0], attribute or None


def recorded_as(name: str) -> str:
    """Name of the rule that gives the value of an identifier."""
    return _PREFIX + name


def _local(tag: Any) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _of(element: ElementTree.Element) -> tuple[str, ...]:
    kind = _local(element.tag)
    return ("initialAmount", "initialConcentration") if kind == "species" else (_VALUE.get(kind, "id"),)


def _attribute(element: ElementTree.Element, target: str) -> str:
    """The attribute with the value of an element. Raises InputError."""
    kind = _local(element.tag)
    if kind == "species":
        amounts = element.get("hasOnlySubstanceUnits") == "true" or "initialAmount" in element.attrib
        return "initialAmount" if amounts else "initialConcentration"
    if kind not in _VALUE:
        raise InputError(f"the target {target!r} has no value: name an attribute, such as /@value")
    return _VALUE[kind]


def evaluated(expression: Any, values: Mapping[str, Any]) -> Any:
    """The value of an expression, whose names are those of `values`. Raises InputError."""
    for name in sorted(expression.names()):
        checks.choice("name in a formula of the experiment", name, values, "known are")
    return expression.evaluate(values)
