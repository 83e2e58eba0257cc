"""Autocorrelation and power spectrum of stationary trajectories, sampled every dt.

Let d be the deviations from the mean of all stretches (`analysis.units`) of n points. The autocovariance at lag k dt is
C(k) = sum_i d(i) d(i + k) / (n - k), and the autocorrelation is C(k) / C(0). C is unbiased for a known mean. Here the
mean is estimated from the same data, which makes C too small by about the variance of that mean.

The spectrum is one-sided, S(f) = 2 dt |sum_i w(i) d(i) exp(-2 pi i f dt)|^2 / sum_i w(i)^2 with Hann's window w (half
of it at the highest frequency). Its integral from 0 to 1 / (2 dt) is the variance. A process whose autocorrelation
decays at the rate g [1/s] has S = 4 g Var / (g^2 + (2 pi f)^2). Frequency 0 is left out, so changes slower than a
stretch are missing. Fluctuations faster than 1 / (2 dt) are folded into lower frequencies. P. D. Welch, IEEE Trans.
Audio Electroacoust. 15 (1967) 70-73, doi:10.1109/TAU.1967.1161901.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy

from .. import checks
from ..checks import InputError
from ..display.figures import Drawing, add_legend, new_axes, style, title
from ..display.tables import Table, estimate, few, fragment, shown
from ..statistics.intervals import Spread, student
from .analysis import Analysis, Ask, Finding, Trajectories, check_data, chosen, stretches, title_of, units

_CUT = 5.0
"""The sum of autocorrelations ends after so many correlation times. A. Sokal, in Functional Integration (1997)."""


class Autocorrelation(NamedTuple):
    """float64[lag] arrays."""

    name: str
    lag: np.ndarray
    """[s], from 0 to half of a stretch."""
    autocovariance: np.ndarray
    autocorrelation: np.ndarray
    low: np.ndarray
    high: np.ndarray
    correlation_time: float
    """Integral of the autocorrelation over lags [s]; NaN if it is shorter than the time between points, or too long for
    the lags."""
    at_most: float
    """An upper bound [s] of a correlation time that is shorter than the time between points; else NaN."""
    mean: float
    n_units: int
    confidence: float
    source: str = ""
    """Method, volume and seed of the run."""

    def __repr__(self) -> str:
        return (
            f"Autocorrelation({self.name}; {len(self.lag)} lags to {self.lag[-1]:g} s, correlation time {_time(self)})"
        )

    def _repr_html_(self) -> str:
        tables = [_times([self]), shown(_lags([self]))]
        return fragment(f"autocorrelation of {self.name}; {self.source}", tables, [_note(self)])

    def plot(self, ax: Any = None) -> Any:
        """Draw it, with its intervals, into `ax` or new axes. Returns the axes."""
        axes = new_axes() if ax is None else ax
        known = np.isfinite(self.correlation_time) or np.isfinite(self.at_most)
        label = self.name + (f", correlation time {_time(self)} s" if known else "")
        _draw(axes, self.lag, self.autocorrelation, self.low, self.high, label)
        axes.set_xlabel("lag [s]")
        axes.set_ylabel("autocorrelation")
        axes.grid(axis="y", alpha=0.3)
        title(axes, f"bands: {100 * self.confidence:g} % at each lag; {self.source}")
        add_legend(axes)
        return axes


class Spectrum(NamedTuple):
    """float64[frequency] arrays."""

    name: str
    frequency: np.ndarray
    """[1/s], without 0."""
    density: np.ndarray
    """[unit^2 s], one-sided."""
    low: np.ndarray
    high: np.ndarray
    variance: float
    """Integral of the density, from the lowest frequency on."""
    n_units: int
    confidence: float
    units: str = ""
    """Units of the fluctuating quantity, empty for an observable."""
    source: str = ""
    """Method, volume and seed of the run."""

    def __repr__(self) -> str:
        return f"Spectrum({self.name}; {len(self.frequency)} frequencies to {self.frequency[-1]:g} / s)"

    def _repr_html_(self) -> str:
        return fragment(f"power spectrum of {self.name}; {self.source}", [shown(_densities([self]))], [_note(self)])

    def plot(self, ax: Any = None) -> Any:
        """Draw it, with its intervals, into `ax` or new axes, which become logarithmic. Returns the axes."""
        axes = new_axes() if ax is None else ax
        _draw(axes, self.frequency, self.density, self.low, self.high, self.name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("frequency [1/s]")
        unit = f"{self.units}² s" if self.units else "s, times the square of its unit"
        axes.set_ylabel(f"power density [{unit}]")
        title(axes, f"one-sided; bands: {100 * self.confidence:g} % at each frequency; {self.source}")
        add_legend(axes)
        return axes


def _draw(axes: Any, x: np.ndarray, y: np.ndarray, low: np.ndarray, high: np.ndarray, label: str) -> None:
    look = style(len(axes.lines))
    axes.plot(x, y, label=label, linewidth=1.2, **look)
    axes.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def autocorrelation(
    run: Trajectories, name: str, start: float | None = None, confidence: float = 0.95
) -> Autocorrelation:
    """Autocorrelation of a species or observable of a `run`, by its `name`, from `start` on [s] (by default the second
    half). Intervals of `confidence` are pointwise in the lag, and come from the spread between stretches. Raises
    InputError as `analysis.units` does, or for a quantity that never varies."""
    (name,), confidence = chosen(run, (name,)), checks.confidence(confidence)
    parts, spacing = units(run, start)
    mean = _mean(run, name, parts)
    moments = Spread()
    for values in stretches(run, name, parts):
        moments.take(autocovariance(values - mean))
    n, covariance, square, cross = moments.n, moments.mean, moments.square, moments.cross
    # A constant may differ from its computed mean by rounding: that is no variance.
    if covariance[0] <= _rounding(mean):
        raise InputError(f"{name} never varies: it has no autocorrelation")
    ratio = covariance / covariance[0]
    # The delta method for C(k) / C(0): var(C(k)) - 2 r cov(C(k), C(0)) + r^2 var(C(0)). Rounding may make it negative.
    left = np.maximum(square - 2 * ratio * cross + ratio**2 * square[0], 0.0)
    spread = np.sqrt(left / ((n - 1) * n)) / covariance[0]
    half = student(1 - confidence, n) * spread
    lag, high = spacing * np.arange(len(ratio)), ratio + half
    time, at_most = correlation_time(ratio, spacing), float("nan")
    if time < spacing:
        time, at_most = float("nan"), _longest(high[1], spacing)
    return Autocorrelation(
        name, lag, covariance, ratio, ratio - half, high, time, at_most, mean, n, confidence, title_of(run)
    )


def power_spectrum(run: Trajectories, name: str, start: float | None = None, confidence: float = 0.95) -> Spectrum:
    """Power spectrum of a species or observable of a `run`, by its `name`, from `start` on [s] (by default the second
    half). Intervals of `confidence` are pointwise in frequency, by the chi-square law of long stretches. Raises
    InputError as `autocorrelation` does."""
    (name,), confidence = chosen(run, (name,)), checks.confidence(confidence)
    parts, spacing = units(run, start)
    mean = _mean(run, name, parts)
    total = np.zeros(1)
    for values in stretches(run, name, parts):
        frequency, density = periodogram(values - mean, spacing)
        total = total + density.sum(axis=0)
    n, density = len(parts), total / len(parts)
    if density.sum() * frequency[0] <= _rounding(mean):
        raise InputError(f"{name} never varies: it has no spectrum")
    freedom = np.full(len(density), 2.0 * n)
    # The last frequency of an even number of points is 1 / (2 dt). It has no phase, so one degree a stretch, not two.
    if (parts[0][1].stop - parts[0][1].start) % 2 == 0:
        freedom[-1] = n
    tail = (1 - confidence) / 2
    low, high = (freedom * density / end(tail, freedom) for end in (scipy.stats.chi2.isf, scipy.stats.chi2.ppf))
    unit = "" if name in run.observable_names else run.units
    return Spectrum(
        name, frequency, density, low, high, float(density.sum() * frequency[0]), n, confidence, unit, title_of(run)
    )


def autocovariance(deviation: np.ndarray) -> np.ndarray:
    """float64[..., lag] of deviations float64[..., point] from the mean, lags up to half of the points."""
    from scipy import fft

    n = deviation.shape[-1]
    n_lags = n // 2 + 1
    # Padded with zeros beyond the longest lag, so that the circular convolution has no wrap-around.
    size = fft.next_fast_len(n + n_lags, real=True)
    power = np.square(np.abs(fft.rfft(deviation, size)))
    return fft.irfft(power, size)[..., :n_lags] / (n - np.arange(n_lags))


def periodogram(deviation: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies without 0, and the one-sided density, of deviations float64[..., point] from the mean."""
    from scipy.signal import periodogram

    frequency, density = periodogram(deviation, 1.0 / spacing, window="hann", detrend=False)
    return frequency[1:], density[..., 1:]


def correlation_time(ratio: np.ndarray, spacing: float) -> float:
    """Integral of an autocorrelation over positive lags [s] by the trapezoidal rule.

    It ends at the first lag that is five times as long as the integral so far; NaN if there is none. A process whose
    correlation time is shorter than `spacing` [s] gives about half of `spacing`, whatever its correlation time. So a
    result below `spacing` is only an upper bound.
    """
    # Beyond a few correlation times the estimate is noise, whose sum would grow with the number of lags.
    integral = spacing * (np.cumsum(ratio) - 0.5 - 0.5 * ratio)
    ends = np.flatnonzero(spacing * np.arange(len(ratio)) >= _CUT * integral)
    ends = ends[ends > 0]
    return float(integral[ends[0]]) if len(ends) else float("nan")


def _longest(high: float, spacing: float) -> float:
    """A bound [s] of a correlation time below `spacing`: that of an exponential that has the upper end `high` at the
    first lag, and no less than `spacing`."""
    return spacing / -np.log(high) if np.exp(-1.0) < high < 1 else spacing


def _rounding(mean: float) -> float:
    """The largest variance that rounding gives to values that are all `mean`."""
    return (16 * np.finfo(float).eps * mean) ** 2


def _mean(run: Trajectories, name: str, parts: list) -> float:
    return sum(values.mean(axis=1).sum() for values in stretches(run, name, parts)) / len(parts)


class AutocorrelationAnalysis(Analysis):
    """Autocorrelation."""

    name = "autocorrelation"
    summary = "autocorrelation and correlation time from --start on, for a run that is stationary from then on"
    in_report = False

    @staticmethod
    def find(run: Trajectories, ask: Ask) -> Finding:
        check_data(run)
        results = [autocorrelation(run, n, ask.start, ask.confidence) for n in chosen(run, ask.species, 4)]
        notes = [_note(results[0]), "a correlation time of - means that it is too long for the recorded lags"]
        if any(np.isfinite(a.at_most) for a in results):
            notes.append(
                "a correlation time is not resolved if it is shorter than the time between points: record more points"
            )
        record = {a.name: a._asdict() for a in results}
        drawing = Drawing((lambda axes: [a.plot(axes) for a in results],), size=(8, 5))
        return Finding("autocorrelation", [_times(results), _lags(results)], record, drawing, notes)


class SpectrumAnalysis(Analysis):
    """Power spectrum."""

    name = "spectrum"
    summary = "one-sided power spectral density from --start on, for a run that is stationary from then on"
    in_report = False

    @staticmethod
    def find(run: Trajectories, ask: Ask) -> Finding:
        check_data(run)
        results = [power_spectrum(run, n, ask.start, ask.confidence) for n in chosen(run, ask.species, 4)]
        notes = [
            _note(results[0]),
            f"one-sided: its integral is the variance, without what is slower than {results[0].frequency[0]:.3g} / s; "
            "frequency 0 is left out",
        ]
        record = {s.name: s._asdict() for s in results}
        drawing = Drawing((lambda axes: [s.plot(axes) for s in results],), size=(8, 5))
        return Finding("power spectrum", [_densities(results)], record, drawing, notes)


def _times(results: list[Autocorrelation]) -> Table:
    rows = [(a.name, a.mean, a.autocovariance[0], _time(a)) for a in results]
    return Table("stationary moments", ("species", "mean", "variance", "correlation time [s]"), rows)


def _lags(results: list[Autocorrelation]) -> Table:
    rows = [
        (a.name, f"{a.lag[i]:g}", estimate(a.autocorrelation[i], a.low[i], a.high[i]))
        for a in results
        for i in few(len(a.lag), 6)
    ]
    return Table("at selected lags", ("species", "lag [s]", "autocorrelation [interval]"), rows)


def _densities(results: list[Spectrum]) -> Table:
    rows = [
        (s.name, f"{s.frequency[i]:.4g}", estimate(s.density[i], s.low[i], s.high[i]))
        for s in results
        for i in few(len(s.frequency), 6)
    ]
    return Table("at selected frequencies", ("species", "frequency [1/s]", "density [interval]"), rows)


def _time(result: Autocorrelation) -> str:
    """The correlation time [s], or a sentence that it is shorter than the time between points."""
    if np.isfinite(result.at_most):
        return f"not resolved: at most {result.at_most:.3g}"
    return "-" if np.isnan(result.correlation_time) else f"{result.correlation_time:.3g}"


def _note(result: Autocorrelation | Spectrum) -> str:
    return (
        f"{result.n_units} stretches are taken as independent; intervals hold with {100 * result.confidence:g} % at "
        "each point alone"
    )
