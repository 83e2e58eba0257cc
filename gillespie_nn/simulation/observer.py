"""Values of expressions in a state, and what rules and events add to the recorded counts."""

import numpy as np

from .. import checks
from ..crn.expressions import Expression
from ..kernels.codes import COUNT_LIMIT
from .sinks import NOT_REACHED


class Values:
    """Values by name of the species, the parameters, `time` and `volume` of a network."""

    def __init__(self, network):
        self._index = network.index
        self._variables = network.compiled.programs.variables

    def of(self, expression: Expression, rows, time, variables):
        """`expression` in every row: rows int64[..., species], time float64[...], variables float64[variable]."""
        found = {"time": time}
        for name in expression.names() - {"time"}:
            found[name] = rows[..., self._index[name]] if name in self._index else variables[self._variables[name]]
        return expression.evaluate(found)

    def at(self, method, expression: Expression):
        """`expression` in the present state of a simulation."""
        return self.of(expression, method.counts, method.time, method.laws.variables)

    def place(self, parameter) -> int:
        """Place of a parameter among the variables."""
        return self._variables[parameter]


class Observer:
    """Works out `network.observables` at recorded points: float64[point, observable].

    The counts of species that a rule gives are put into the rows where they are whole numbers; elsewhere they are -1,
    and in rows of real numbers they stand as they are.
    """

    def __init__(self, network):
        self._values = Values(network)
        self._names = network.observables
        self._rules = network.resolved_rules
        self._columns = {target: network.index[target] for target in network.rules if target in network.index}

    def observe(self, method, rows, time) -> np.ndarray:
        """For `rows` int64[point, species] recorded at `time` float64[point] since variables last changed."""
        found = np.empty((len(rows), len(self._names)))
        variables = method.laws.variables.copy()
        for k, name in enumerate(self._names):
            if name in self._rules:
                found[:, k] = self._values.of(self._rules[name], rows, time, variables)
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
