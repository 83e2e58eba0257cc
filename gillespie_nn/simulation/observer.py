"""Values of expressions in a state, and what rules and events add to the recorded counts."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from .. import checks
from ..crn.expressions import Expression
from ..kernels.codes import COUNT_LIMIT
from .sinks import NOT_REACHED

_NONE: Mapping = MappingProxyType({})


class Values:
    """Values by name of the species, the parameters, `time` and `volume` of a network."""

    def __init__(self, network):
        self._index = network.index
        self._variables = network.compiled.programs.variables

    def of(self, expression: Expression, rows, time, variables, moved=_NONE):
        """`expression` in every row: rows int64[..., species], time float64[...], variables float64[variable], and
        `moved`, arrays [...] by name, in place of variables that change from row to row."""
        found = {"time": time}
        for name in expression.names() - {"time"}:
            if name in moved:
                found[name] = moved[name]
            elif name in self._variables:
                found[name] = variables[self._variables[name]]
            else:
                found[name] = rows[..., self._index[name]]
        return expression.evaluate(found)

    def at(self, method, expression: Expression):
        """`expression` in the present state of a simulation."""
        return self.of(expression, method.counts, method.time, method.laws.variables)

    def place(self, parameter) -> int:
        """Place of a parameter among the variables."""
        return self._variables[parameter]


class Observer:
    """Works out `network.observables` at recorded points: float64[point, observable].

    The counts of species that a rule or a rate rule gives are put into the rows where they are whole numbers; elsewhere
    they are -1, and in rows of real numbers they stand as they are.
    """

    def __init__(self, network):
        self._values = Values(network)
        self._names = network.observables
        self._rules = network.resolved_rules
        given = (*network.rules, *network.rate_rules)
        self._columns = {target: network.index[target] for target in given if target in network.index}
        self._moved = tuple(network.rate_rules)

    def observe(self, method, rows, time, moved) -> np.ndarray:
        """For `rows` int64[point, species] recorded at `time` float64[point] since variables last changed, with `moved`
        float64[point, rate rule]."""
        found = np.empty((len(rows), len(self._names)))
        variables = method.laws.variables.copy()
        by_name = dict(zip(self._moved, moved.T))
        for k, name in enumerate(self._names):
            if name in self._rules:
                found[:, k] = self._values.of(self._rules[name], rows, time, variables, by_name)
            elif name in by_name:
                found[:, k] = by_name[name]
            else:
                found[:, k] = variables[self._values.place(name)]
        for k, name in enumerate(self._names):
            if name in self._columns:
                if rows.dtype != np.int64:
                    rows[:, self._columns[name]] = found[:, k]
                    continue
                count = checks.rounded(found[:, k])
                is_count = (count == np.floor(count)) & (count >= 0) & (count < COUNT_LIMIT)
                rows[:, self._columns[name]] = np.where(is_count, count, NOT_REACHED)
        return found
