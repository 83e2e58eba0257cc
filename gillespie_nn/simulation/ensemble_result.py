"""The base class of all results of ensembles: of trajectories and of moments, in memory and in files."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from ..checks import InputError, StorageError
from ..crn.dual_rail import Rails, pairs
from ..display.curves import PLOT_OPTIONS, known_name, plot_ensemble, species_of
from ..statistics.intervals import student
from ..status import Status
from . import result_views
from .result_views import Columns, Sums, constants_of, write_csv

if TYPE_CHECKING:
    from ..crn import ReactionNetwork


class EnsembleResult:
    """The base of `Result`, `Run`, `MomentsResult` and `MomentsRun`.

    `len(r)` is the number of replicates, `r["P"]` a species or observable, `r["time"]` the recorded times. `"P" in r`
    tests for a name, and iteration runs over the names, as in a pandas DataFrame. Statistics at a recorded point use
    the replicates that reached it with a finite value; without any they are NaN. Where a name is taken, the name of a
    signed number is taken, too: `r["D1_0"]` is species D1_0_p less species D1_0_m (`signed_numbers`).
    """

    if TYPE_CHECKING:  # attributes of the subclasses: fields of those in memory, read on request from files

        @property
        def time(self) -> np.ndarray: ...
        @property
        def method(self) -> str: ...
        @property
        def method_reason(self) -> str: ...
        @property
        def seed(self) -> int: ...
        @property
        def volume(self) -> float: ...
        @property
        def model(self) -> ReactionNetwork: ...
        @property
        def units(self) -> str: ...
        @property
        def quantities(self) -> tuple[str, ...]: ...
        @property
        def n_planned(self) -> int: ...
        @property
        def statuses(self) -> dict[Status, int]: ...

    _IN_FILE = False
    """Whether trajectories are read from a file each time."""

    @cached_property
    def signed_numbers(self) -> Mapping[str, Rails]:
        """Numbers that two species carry, their plus and their minus rail, by name: NAME is NAME_p less NAME_m, in the
        units of species. A species, observable or constant of that name comes first, and is not among them.
        """
        taken = {*self.quantities, *constants_of(self), *getattr(self.model, "index", ())}
        return {name: rails for name, rails in pairs(species_of(self)).items() if name not in taken}

    @property
    def _species_asked(self) -> Sequence[str] | None:
        """The option `species` of the run, names and patterns; None without it, and for a result made by hand."""
        return (getattr(self, "arguments", None) or {}).get("species")

    @property
    def _has_firings(self) -> bool:
        """Whether single reactions fire: not in a method of concentrations."""
        raise NotImplementedError

    def _title(self) -> str:
        """What it is, in a line."""
        return f"{type(self).__name__}: {result_views.span(self)}"

    def of(self, name: str) -> np.ndarray:
        """One quantity by name."""
        raise NotImplementedError

    def _sums(self, names: Sequence[str], points: Sequence[int] | None = None, most: int | None = None) -> Sums:
        """Sums over replicates (the first `most`), arrays [point, name], at all points or those numbered `points`."""
        raise NotImplementedError

    def _quantiles(self, probabilities: Sequence[float], names: Sequence[str]) -> np.ndarray:
        """float64[probability, point, name]."""
        raise NotImplementedError

    def _several(self, names: Sequence[str]) -> np.ndarray:
        """Quantities by name, along a last axis."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, name: Any) -> np.ndarray:
        if isinstance(name, str):
            if name == "time" and name not in self.quantities:
                return self.time
            synonyms = {"t": ("time",)}
            if name not in constants_of(self):
                known_name(self, name, elsewhere=("time",), synonyms=synonyms)
            return self.of(name)
        if isinstance(name, (list, tuple)) and name and all(isinstance(n, str) for n in name):
            return self._several(self._known(name))
        example = self.quantities[0] if self.quantities else "time"
        raise InputError(
            f"a result is indexed by the name of a species or observable, r[{example!r}], or by a list of names; "
            f"got {checks.shortened_text(repr(name))}"
        )

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name in self.quantities or name == "time":
            return True
        # The moments of two rails do not tell those of their difference.
        return name in self.signed_numbers and hasattr(self, "counts")

    def __iter__(self) -> Iterator[str]:
        return iter(self.quantities)

    def _ipython_key_completions_(self) -> list[str]:
        """Names that IPython suggests after `r["`."""
        return list(dict.fromkeys((*self.quantities, "time")))

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise InputError("a result is not an array: take one quantity, such as r['A'], or r.to_dataframe()")

    def mean(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Mean over the replicates, in `units` for species: float64[point, quantity], or float64[point] of the quantity
        `name`. Raises InputError for an unknown name."""
        return self._statistic(name, lambda s: np.where(s.n > 0, s.mean, np.nan))

    def variance(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Variance, divided by n - 1, shaped as `mean`; NaN for fewer than 2 replicates."""
        return self._statistic(name, _variance)

    def std(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Standard deviation, the root of `variance`, shaped as `mean`."""
        return self._statistic(name, lambda s: np.sqrt(_variance(s)))

    def standard_error(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Standard error of the mean, shaped as `mean`; NaN for fewer than 2 replicates."""
        return self._statistic(name, lambda s: np.sqrt(_variance(s) / np.maximum(s.n, 1)))

    def interval(self, name: str | Sequence[str] | None = None, confidence: float = 0.95) -> np.ndarray:
        """Confidence interval of the mean at each point separately (Student's t): a first axis (low, high), then shaped
        as `mean`; NaN for fewer than 2 replicates. Raises InputError for a confidence outside (0, 1)."""
        confidence = checks.confidence(confidence)

        def ends(s: Sums) -> np.ndarray:
            error = np.sqrt(_variance(s) / np.maximum(s.n, 1))
            half = student(1 - confidence, s.n) * error
            return np.stack([s.mean - half, s.mean + half])

        return self._statistic(name, ends)

    def minimum(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Smallest value, shaped as `mean`."""
        return self._statistic(name, lambda s: np.where(s.n > 0, s.minimum, np.nan))

    def maximum(self, name: str | Sequence[str] | None = None) -> np.ndarray:
        """Largest value, shaped as `mean`."""
        return self._statistic(name, lambda s: np.where(s.n > 0, s.maximum, np.nan))

    def quantile(self, q: float | Sequence[float], name: str | Sequence[str] | None = None) -> np.ndarray:
        """The value of rank ceil(q n) among the n replicates, for a probability `q` from 0 to 1, shaped as `mean`;
        several probabilities add a first axis. From recorded quantiles its relative error is at most 0.4 %, and whole
        numbers below 256 are exact. Raises InputError for an invalid q, an unknown name, or moments recorded without
        quantiles."""
        several = np.ndim(q) > 0
        probabilities = [_probability(p) for p in (np.asarray(q).tolist() if several else [q])]
        if not probabilities:
            raise InputError("the probability of a quantile is missing: give one from 0 to 1, or several")
        values = self._quantiles(probabilities, self._chosen(name))
        values = values[:, :, 0] if isinstance(name, str) else values
        return values if several else values[0]

    def to_csv(
        self, path: str | Path | None = None, overwrite: bool = False, names: str | Sequence[str] = ()
    ) -> str | None:
        """Write the table of `gillespie-nn export --to csv` to a file, or return it as text without `path`. With
        `names` its columns are only these quantities, which may be signed numbers.

        Raises InputError for an existing file without `overwrite` and for an unknown name; StorageError if the file
        cannot be written.
        """
        return csv_to(path, overwrite, self.table([names] if isinstance(names, str) else names))

    def plot(self, ax: Any = None, names: Sequence[str] = (), **how: Any) -> Any:
        """Draw the result over time, or one quantity against another (`x="A", y="B"`), into `ax` or new axes.
        `names` are quantities, by default those that vary most. `log`, `units` and the other options `how` are those
        of `display.curves.plot_ensemble`. Returns the axes."""
        for option in how:
            checks.choice("option in plot", option, PLOT_OPTIONS, "known are")
        return plot_ensemble(self, names, ax, **how)

    def table(self, names: Sequence[str] = ()) -> Columns:
        """The table of the result, of all quantities or of trajectories of `names`, in chunks of rows."""
        raise NotImplementedError

    def _known(self, names: Sequence[str]) -> list[str]:
        return [known_name(self, name) for name in names]

    def _chosen(self, name: str | Sequence[str] | None) -> Sequence[str]:
        if name is None:
            return self.quantities
        return self._known([name] if isinstance(name, str) else list(name))

    def _statistic(self, name: str | Sequence[str] | None, of: Callable[[Sums], np.ndarray]) -> np.ndarray:
        values = of(self._sums(self._chosen(name)))
        return values[..., 0] if isinstance(name, str) else values

    def __repr__(self) -> str:
        return result_views.text(self)

    def _repr_html_(self) -> str:
        return result_views.html(self)


def csv_to(path: str | Path | None, overwrite: bool, columns: Columns) -> str | None:
    """Write a table to the file `path`, or return its text."""
    if path is None:
        text = io.StringIO()
        write_csv(columns, text)
        return text.getvalue()
    path = checks.new_file(path, overwrite)
    try:
        with checks.replaced(path) as part, open(part, "x", newline="", encoding="utf-8") as file:
            write_csv(columns, file)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from None
    return None


def _variance(s: Sums) -> np.ndarray:
    return np.where(s.n > 1, s.squares / np.maximum(s.n - 1, 1), np.nan)


def _probability(p: Any) -> float:
    p = checks.not_negative("the probability of a quantile", p)
    if p > 1:
        raise InputError(f"the probability of a quantile must be at most 1, got {p!r}")
    return p
