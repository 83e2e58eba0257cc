"""`Fit`, the result of training: weights, scores, and predictions by simulation with fixed weights."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import checks, seeds
from ..checks import InputError, UnfinishedError
from ..crn import ReactionNetwork, law
from ..crn.formats.sbml_write import KINETICS
from ..datasets.dataset import CLASSIFICATION, THRESHOLD
from ..display.figures import (
    COLOURS,
    FEW_SAMPLES,
    LearningFilm,
    add_legend,
    film_path,
    new_axes,
    save_film,
    side_of,
    style,
    title,
)
from ..display.tables import Table, fragment
from ..kernels import codes
from ..nn import TrainingNetwork
from ..nn.reactions import group_name
from ..noise import as_noises, plan_noise
from ..progress import Progress
from ..seeds import Purpose, resolve_seed
from ..simulation.batches import BatchMethod, simulate_outputs
from ..simulation.batches.neurons import Weights
from ..simulation.methods import Method
from ..simulation.presentations import Presented, Samples
from ..simulation.replicate import advance_to, start_simulation
from ..simulation.training import MOST_RECORDS, Trained, TrainingPlan, WeightCourse, evenly
from ..status import Status
from .learning_trajectories import LearningTrajectories, checked_numbers, network_of, rates_of, simulate_samples

_OUTSIDE = 2.0
"""Inputs are far outside the training samples if they are so many times their range away from it."""
_TOO_MANY = 100.0
"""Inputs that exceed all training samples by this factor are not simulated."""
_READINGS = 20
"""Number of readings in the second half of a presentation; their mean is the output."""


class Simulated(NamedTuple):
    """Outputs by simulation, float64[sample, output] each [concentration]."""

    mean: np.ndarray
    """Averaged over readings in the second half of the presentation."""
    last: np.ndarray
    """The last of these readings, at the end of the presentation."""


def predict_by_simulation(
    plan: TrainingPlan, x: np.ndarray, weights: np.ndarray, seed: int, noise: Any, progress: bool | None
) -> Simulated:
    """Outputs for inputs x float64[sample, input], not centred, by `weights` float64[weight] [concentration].

    `noise` and `progress` as in `Fit.predict`. Raises InputError for noise with a method that lists no reactions.
    """
    x = x - plan.centre
    if issubclass(plan.method, BatchMethod):
        if as_noises(noise):
            raise InputError(f"noise: {plan.method.name} has no list of reactions: leave noise out")
        return _by_batches(plan, x, weights, seed, progress)
    return _by_reactions(plan, x, weights, seed, noise, progress)


def _times(plan: TrainingPlan) -> np.ndarray:
    return np.linspace(0.5, 1.0, _READINGS + 1)[1:] * plan.settings.running_time


def _by_batches(plan: TrainingPlan, x: np.ndarray, weights: np.ndarray, seed: int, progress: bool | None) -> Simulated:
    spec, times = network_of(plan, 1, listed=False, signed_inputs=bool((x < 0).any())), _times(plan)
    held = Weights(spec.layers, plan.volume, spec.start(weights, plan.volume)[: 2 * len(weights)])
    options = {name: value for name, value in plan.learner.options.items() if name in ("leap", "threads")}
    with Progress("predict", len(x), progress, plan.method.name) as bar:
        read = simulate_outputs(
            spec, held, x, times.tolist(), lambda piece: seeds.stream(seed, Purpose.BATCHES_OF_PREDICTION, piece=piece),
            done=bar.update, **options,
        )  # fmt: skip
    return Simulated(read.mean(axis=0, dtype=np.float64), read[-1].astype(np.float64))


def _by_reactions(
    plan: TrainingPlan, x: np.ndarray, weights: np.ndarray, seed: int, noise: Any, progress: bool | None
) -> Simulated:
    settings, volume = plan.settings, plan.volume
    # A prediction of few samples does not need the batch size of training. Without samples it is 1.
    batch = min(plan.batch, len(x)) or 1
    spec = network_of(plan, batch, signed_inputs=bool((x < 0).any()))
    network = spec.network
    kind = plan.method
    assert issubclass(kind, Method)  # `Fit.predict` does floating point itself
    # The last batch is filled with copies of the last sample, whose outputs are cut off at the end.
    order = np.minimum(np.arange(-(-len(x) // batch) * batch), len(x) - 1).reshape(-1, batch)
    samples = Samples(spec, Presented(x, None, order), volume, kind.dtype)
    counts, rng = spec.start(weights, volume, kind.dtype), seeds.stream(seed, Purpose.PREDICTION)
    rates = rates_of(plan, spec)
    noise = plan_noise(noise, network, rates, unforced=spec.unforced if noise is not None else (), prediction=True)
    method = start_simulation(
        kind, network, rates, volume, counts, rng, noise=noise, seed=seed, options=plan.learner.options,
    )  # fmt: skip
    readings = _times(plan)
    rows: np.ndarray = np.empty((_READINGS, len(network.species)), dtype=kind.dtype)
    mean, last = np.empty((2, order.size, spec.layers[-1]))
    with Progress("predict", len(x), progress, kind.name) as bar:
        for k in range(len(samples)):
            # Each batch has a new grid of readings.
            method.start_chunk()
            begin = k * settings.running_time
            times = begin + readings
            for step in samples.present(method, k, begin, times[-1]):
                due = times[times < step.end] if step.end < times[-1] else times
                code = advance_to(method, step.end, lambda time: False, grid_time=due, grid_counts=rows)
                if code != codes.REACHED_END:
                    which = f"sample {k}" if batch == 1 else f"samples {order[k, 0]} to {order[k, -1]}"
                    raise UnfinishedError(f"the prediction of {which} stopped early: {Status(code)}")
            read = spec.read_outputs(rows, volume)
            mean[k * batch : (k + 1) * batch] = read.mean(axis=0).reshape(batch, -1)
            last[k * batch : (k + 1) * batch] = read[-1].reshape(batch, -1)
            bar.update(min(len(x), (k + 1) * batch))
    return Simulated(mean[: len(x)], last[: len(x)])


# The trained forward network as a model for other programs.


def presented_network(
    plan: TrainingPlan, x: np.ndarray, weights: np.ndarray, volume: float, whole: bool
) -> tuple[ReactionNetwork, list[str]]:
    """The forward network of a training with `weights` float64[weight] and with one input x float64[input], not
    centred, presented from time 0 on; its amounts are `whole` molecules, or real numbers. Also what to read, a sentence
    for each output.

    Outputs on two rails are also given by rules, named as an output on one rail is. Raises InputError for a chemistry
    whose environment acts during the presentation.
    """
    x = x - plan.centre
    spec, dtype = network_of(plan, 1, signed_inputs=bool((x < 0).any())), np.int64 if whole else np.float64
    network, phases = spec.network, spec.phases
    if len(phases) > 1:
        raise InputError(
            f"the environment of chemistry {spec.chemistry.name} acts during a presentation (phases "
            f"{', '.join(phase.name for phase in phases)}), and SBML of one input has no phases: use fit.trajectories"
        )
    state = spec.start(weights, volume, dtype)
    for step in Samples(spec, Presented.each(x[None]), volume, dtype).steps(0, 0.0, plan.settings.running_time):
        state[step.species] = step.counts
    changed = plan.learner.changed_rates
    reactions = tuple(r._replace(rate=changed.get(r.name, r.rate), rate_expression=None) for r in network.reactions)
    rules, reading = {}, []
    for k, rails in enumerate(spec.outputs):
        name = f"{group_name(spec.chemistry.signal, len(spec.layers) - 1)}_{k}"
        if rails.minus is None:
            reading.append(f"output {k} is the concentration of species {rails.plus}: its amount over {volume:g}")
        else:
            rules[name] = law(f"({rails.plus} - {rails.minus}) / volume")
            reading.append(
                f"output {k} is {name} [concentration], given by a rule: {rails.plus} less {rails.minus}, in "
                f"molecules, over {volume:g}"
            )
    initial = dict(zip(network.species, state.tolist(), strict=True))
    return ReactionNetwork(network.species, reactions, initial, rules=rules), reading


# The result of a training run.

_FILMED = 1000
"""Test samples of a film."""
_LABELLED = 3
"""Features of the samples whose inputs are written next to their outputs; others have numbers."""
TOLERANCE = 0.25
"""Largest distance of an output from its target for `solved` [concentration]."""
_EVALUATED = {
    "trained": "",
    "best in validation": "_best",
    "before training": "_before",
    "gradient descent": "_gradient_descent",
    "trained, by simulation": "_chemical",
}
"""Weights whose scores a notebook shows, and the endings of the names of these scores."""


@dataclass(frozen=True, repr=False)
class Fit:
    """A trained network. Its weights, counts and predictions during training are in its file, if it has one:
    `open_run(fit.output)`."""

    plan: TrainingPlan
    """Everything that determines the run: spec, dataset, settings, method, volume, seed, order."""
    trained: Trained
    """The end of the run."""
    seconds: float
    """Wall time of the presentations [s], summed over all processes that continued the run."""
    scores: dict
    """Scores on the test set in floating point, by the names in `simulation.evaluation.SCORES`; on request also
    `CHEMICAL_SCORES`, by simulation."""
    output: str | None = None
    """Path of the run file."""
    chemical: np.ndarray | None = None
    """Outputs by simulation of the first test samples float64[sample, output] [concentration], on request."""
    earlier_seconds: float = 0.0
    """The part of `seconds` before `resume` continued the run [s]; 0 if it did not."""
    course: WeightCourse | None = None
    """Weights over the presentations, of a fit without a file."""

    def __repr__(self) -> str:
        return f"{self._title()}\n  {self._how()}"

    def _title(self) -> str:
        plan, done = self.plan, self.trained.n_presented
        accuracy, rmse = self.scores["accuracy"], self.scores["rmse"]
        score = f"RMSE {rmse:.4g}" if np.isnan(accuracy) else f"test accuracy {accuracy:.4g}"
        return f"Fit of {plan.dataset.name}: {plan.spec.shape}, {done} of {len(plan.order)} presentations, {score}"

    def _how(self) -> str:
        plan = self.plan
        how = f"method {plan.method.name} ({plan.learner.method_reason}), seed {plan.seed}, Omega = {plan.volume:g}"
        noises = [f"{n['noise']} noise {n['amplitude']:g} ({n['kind']})" for n in plan.options.arguments["noise"] or ()]
        changed = [f"rates {', '.join(plan.options.rates)} changed"] if plan.options.rates else []
        how += "".join(f", {each}" for each in (*noises, *changed))
        return how + (f", in {self.output!r}" if self.output else "")

    def _repr_html_(self) -> str:
        names = ("accuracy", "rmse", "largest_error")
        rows = [
            (weights, *(self.scores.get(f"{name}{suffix}", np.nan) for name in names))
            for weights, suffix in _EVALUATED.items()
            if f"rmse{suffix}" in self.scores
        ]
        table = Table("on the test set", ("weights", "accuracy", "RMSE", "largest error"), rows)
        return fragment(self._title(), [table], [self._how()])

    def save(self, path: str | Path, overwrite: bool = False) -> None:
        """Copy the file of the run to `path`. Raises InputError for a fit without a file, and for an existing file
        without `overwrite`; StorageError if the copy cannot be written."""
        if self.output is None:
            raise InputError(
                "this fit has no run file, and it does not have the record of training that a run file needs: call "
                "train with output=..., which writes the file during training"
            )
        from ..storage.hdf5 import copy_file

        copy_file(Path(self.output), path, overwrite)

    @property
    def weights(self) -> np.ndarray:
        """float64[weight] [concentration], averaged over the last 100 presentations."""
        return self.trained.weights

    @property
    def last_weights(self) -> np.ndarray:
        """float64[weight] [concentration] at the end of the last presentation."""
        return self.trained.last_weights

    @property
    def best_weights(self) -> np.ndarray:
        """float64[weight] [concentration] with the smallest error in validation; NaN without validation."""
        return self.trained.best_weights

    @property
    def n_events(self) -> int:
        """Reactions fired."""
        return self.trained.n_events

    @property
    def statistics(self) -> dict:
        """Statistics that the method reports about its steps, by name."""
        return self.trained.statistics

    @property
    def spec(self) -> TrainingNetwork:
        return self.plan.spec

    @property
    def centre(self) -> np.ndarray:
        """float64[input] [concentration], what `predict` subtracts from its inputs: with `centred` the mean of the
        training samples, else 0."""
        return self.plan.centre

    @property
    def accuracy(self) -> float:
        """Fraction of the test set that the float forward pass gets right (NaN for regression)."""
        return self.scores["accuracy"]

    @property
    def outputs(self) -> np.ndarray:
        """Float forward pass of `weights` on the test set, float64[sample, output] [concentration], as the scores take
        it; `predict` returns outputs in the units of the targets."""
        return self.spec.floating.forward(self.weights, self.plan.dataset.test_x - self.centre)

    def plot(self, ax: Any = None) -> Any:
        """Draw the learning curve into `ax` or new axes, and return the axes. It shows the accuracy of a
        classification, and otherwise the error: over the presentations on the test set, before and after training, and
        on the samples held out. If the fit has a file, the file must still exist."""
        accuracy = self.plan.dataset.task == CLASSIFICATION
        score = "accuracy" if accuracy else "rmse"
        scores, data, done = self.scores, self.plan.dataset, self.trained.n_presented
        axes = new_axes((8.4, 4)) if ax is None else ax
        course = self._course()
        test_x = data.test_x - self.centre
        outputs = (self.spec.floating.forward(weights, test_x) for weights in course.weights)
        curve = [data.accuracy(y) if accuracy else data.rmse(y) for y in outputs]
        axes.plot(course.presentation, curve, label="test set, mean of 100 presentations", **style(0))
        if len(self.trained.scores):
            evaluated = self.plan.presentations.evaluated[: len(self.trained.scores)]
            axes.plot(
                evaluated, self.trained.scores[:, int(accuracy)], label="samples held out", **style(1), marker="s"
            )
        ends = {"before training": (0, scores[f"{score}_before"]), "after training": (done, scores[score])}
        for mark, (when, point) in zip("^o", ends.items()):
            axes.plot(*point, mark, color=COLOURS[0], label=f"test set, {when}: {point[1]:.3g}", clip_on=False)
        descent = scores[f"{score}_gradient_descent"]
        axes.axhline(
            descent, color=COLOURS[3], linestyle=":", label=f"gradient descent in floating point: {descent:.3g}"
        )
        axes.set_xlabel("presentation")
        axes.set_ylabel("accuracy" if accuracy else "RMSE [concentration]")
        axes.set_ylim(*((0, 1.02) if accuracy else (0, None)))
        title(axes, f"{data.name}, {self.plan.method.name}, Omega = {self.plan.volume:g}, seed {self.plan.seed}")
        add_legend(axes)
        return axes

    def _course(self) -> WeightCourse:
        if self.course is not None:
            return self.course
        assert self.output is not None  # a fit has one of both
        from ..storage import open_trajectories
        from ..storage.reader import averaged_weights

        with open_trajectories(self.output) as run:
            weights, at = averaged_weights(run), run.training.recorded[: len(run.weights)] + 1
        rows = evenly(len(at), MOST_RECORDS)
        return WeightCourse(at[rows], weights[rows])

    def trajectories(
        self,
        samples: Any = 3,
        signed: bool = True,
        *,
        method: Any = None,
        weights: Any = None,
        seed: int | None = None,
        noise: Any = None,
        points: int = 200,
        progress: bool | None = None,
    ) -> LearningTrajectories:
        """Look inside the network: every quantity over time while samples are presented, one after another.

        The network is listed, whatever method trained it, and simulated while it learns.

        Parameters
        ----------
        samples : a number N, the first N presentations of the training, batches as they were; numbers of training
            samples, or arrays (x, t) as given to `train`, not centred, each sample presented alone; or x
            float64[sample, feature] alone: without targets weights are fixed.
        signed : name the numbers, plus rail less minus rail; False names the species. Both can be read by name.
        method : simulation method; by default that of the training, or an exact one if that has no single reactions.
        weights : float64[weight] [concentration] at the start, by default `self.weights`; or "initial", those before
            training. With "initial", a number of presentations, and no seed, noise or method, these are the
            presentations of the training itself, reaction by reaction, if its network was listed and its method is
            exact or `ode`. Steps of `tau_leap` and `langevin` end at recorded points: theirs are other paths of the
            same law.
        seed : by default that of the training.
        noise : acts on these presentations only, and is given as for `train`.
        points : recorded points of a presentation.
        progress : show progress, by default (None) on a terminal and in a notebook.

        Returns a `LearningTrajectories`: `t["D1_0"]` is an array over `t.time`, `t.plot()` the figure. Raises
        InputError for invalid arguments, and for a network with too many reactions to list.
        """
        return simulate_samples(
            self.plan, samples, self.weights, signed=bool(signed), method=method, weights=weights, seed=seed,
            noise=noise, points=points, progress=progress,
        )  # fmt: skip

    def film(
        self,
        path: str | Path,
        *,
        frames: int = 100,
        fps: int = 10,
        overwrite: bool = False,
        progress: bool | None = None,
    ) -> None:
        """Write a film of learning to `path`, a .gif, or with the program ffmpeg a .mp4.

        It shows the weights over the presentations, as bars, or those of the first layer as images; the accuracy or the
        error on the test set, by a float forward pass; and the outputs for test samples. Weights are averages over up
        to 100 presentations, at up to `frames` evenly spread records, `fps` a second. If the fit has a file, the file
        must still exist. `progress` shows progress, by default (None) on a terminal and in a notebook.

        Raises InputError for another format, invalid arguments and an existing file without `overwrite`,
        MissingExtraError without matplotlib, StorageError if the file cannot be written.
        """
        path = film_path(path, overwrite)
        frames, fps = checks.whole("frames", frames, least=2), checks.whole("fps", fps, most=60)
        with Progress("film", frames, progress) as bar:
            film = self._film(frames)
            save_film(film, path, fps, lambda n_done: bar.update(frames * n_done / len(film.presentation)))

    def _film(self, frames: int) -> LearningFilm:
        plan, data, network = self.plan, self.plan.dataset, self.spec.floating
        course = self._course()
        rows = evenly(len(course.presentation), frames - 1)
        # The first frame is before training.
        weights = np.vstack([plan.learner.initial_weights, course.weights[rows]])
        x, targets = data.test_x[:_FILMED], data.test_t[:_FILMED]
        outputs = np.array([network.forward(w, x - plan.centre) for w in weights])
        of_samples = replace(data, test_x=x, test_t=targets)
        classes = data.task == CLASSIFICATION
        n_inputs = self.spec.layers[0]
        side = side_of(n_inputs)
        labels = data.classes
        if len(x) <= FEW_SAMPLES:
            shown_x = x if data.feature_scale is None else data.feature_scale.undo(x)
            short = n_inputs <= _LABELLED
            labels = tuple(
                f"({', '.join(f'{v:.3g}' for v in row)})" if short else str(k) for k, row in enumerate(shown_x)
            )
        return LearningFilm(
            presentation=np.append(0, course.presentation[rows]),
            n_presentations=len(plan.order),
            weights=weights,
            groups={g: part.size for g, part in zip(network.weight_groups, self._parts(weights[0]))},
            first_layer=np.array([network.matrices(w)[0][0] for w in weights]),
            image=data.image or (None if side is None else (side, side)),
            score=np.array([of_samples.accuracy(y) if classes else of_samples.rmse(y) for y in outputs]),
            score_name="accuracy on the test set" if classes else "RMSE on the test set [conc.]",
            outputs=outputs,
            targets=targets,
            labels=labels,
            classes=classes,
            title=f"{data.name}, {self.spec.shape}, {plan.method.name}, Omega = {plan.volume:g}, seed {plan.seed}",
        )

    def _parts(self, weights: np.ndarray) -> list[np.ndarray]:
        """The arrays of weights, layer by layer, in the order of their vector."""
        return [part for layer in self.spec.floating.matrices(weights) for part in layer]

    def to_sbml(
        self,
        x: Any,
        path: str | Path | None = None,
        *,
        weights: Any = None,
        volume: float | None = None,
        kinetics: str = "deterministic",
        overwrite: bool = False,
    ) -> str:
        """Write the trained forward network, with fixed weights and one input presented, as SBML level 3, so that other
        programs compute its outputs. Returns the document, and writes it to `path` if given.

        The notes of the model say what to read: `Y2_0` is the first output of a network of two layers. Simulate for at
        least the running time, `fit.plan.settings.running_time` [s]; `predict` averages the second half of it.

        Parameters
        ----------
        x : float64[input], as it was given to `train`, not centred.
        weights : float64[weight] [concentration], by default `self.weights`, as for `predict`.
        volume : Omega, by default that of the training: the size of the compartment, so amounts are in molecules.
        kinetics : `deterministic` for rate equations, with species in concentrations; `stochastic` for exact methods,
            with molecules in a compartment of size 1 and propensities.
        overwrite : replace an existing file.

        Raises InputError for invalid arguments, MissingExtraError without libsbml.
        """
        if path is not None:
            path = checks.new_file(path, overwrite)
        checks.choice("kinetics", kinetics, KINETICS)
        volume = self.plan.volume if volume is None else checks.positive("volume", volume, hint="the volume Omega")
        n_inputs = self.spec.layers[0]
        row = np.asarray(x, dtype=object)
        x = checked_numbers("x", x[0] if row.shape == (1, n_inputs) else x, (n_inputs,), f"[{n_inputs}], one sample")
        data, settings = self.plan.dataset, self.plan.settings
        network, reading = presented_network(
            self.plan, data.to_concentrations(x), self._weights(weights), volume, kinetics == "stochastic"
        )
        notes = [
            f"The forward network of a {self._title()[0].lower()}{self._title()[1:]}. Weights are fixed, and the input "
            f"({', '.join(f'{value:g}' for value in x)}) is present from time 0 on.",
            f"What to read: {'; '.join(reading)}. Outputs have settled after a few seconds; one presentation of the "
            f"training takes {settings.running_time:g} s, and predictions average its second half.",
        ]
        if data.target_scale is not None:
            # All digits: rounded ones can be off by many widths of a target far from 0.
            ends = zip(data.target_scale.width, data.target_scale.offset)
            units = "; ".join(
                f"output {k} times {float(width)!r} plus {float(offset)!r}" for k, (width, offset) in enumerate(ends)
            )
            notes.append(f"Outputs are scaled. In the units of the target: {units}.")
        return network.to_sbml(path, kinetics=kinetics, volume=volume, notes=notes)

    def _weights(self, weights: Any) -> np.ndarray:
        """The weights that are given, or `self.weights`, float64[weight]."""
        n_weights = len(self.weights)
        return self.weights if weights is None else checked_numbers("weights", weights, (n_weights,), f"[{n_weights}]")

    def predict(
        self,
        x: Any,
        exact_forward: bool = False,
        seed: int | None = None,
        weights: Any = None,
        noise: Any = None,
        progress: bool | None = None,
    ) -> np.ndarray:
        """Outputs float64[sample, output] for inputs x float64[sample, feature], by `weights` float64[weight]
        [concentration] (default `self.weights`; also `last_weights`, `best_weights`).

        Inputs are as they were given to `train`, not centred. If `scale` scaled features and targets, inputs are in the
        units of the features and outputs in those of the targets; otherwise both are concentrations. Inputs outside the
        range seen in training are allowed. Run files before version 1.8 do not have the scale: a fit from such a file
        warns, and takes features that are scaled already.

        The forward network is simulated with fixed weights: each batch of samples is presented for the running time,
        and the output is averaged over its second half. With `exact_forward`, and after gradient descent or flow,
        outputs are computed in floating point. `noise` acts on this prediction only, and is given as for `train`; each
        batch of samples is a presentation. `progress` shows progress, by default (None) on a terminal and in a
        notebook.
        """
        x = checked_numbers(
            "inputs", x, (None, self.spec.layers[0]), f"[sample, {self.spec.layers[0]}]; one sample is [[...]]"
        )
        data = self.plan.dataset
        if data.scaled and data.feature_scale is None:
            checks.warn(
                "this fit does not have the scale of its features, as run files do since version 1.8: give features "
                "that are scaled as those it was trained on; outputs of a regression are scaled, too"
            )
        x = data.to_concentrations(x)
        weights = self._weights(weights)
        self._check_range(x, exact_forward or self.plan.learner.in_floating_point)
        if exact_forward or self.plan.learner.in_floating_point:
            if as_noises(noise):
                raise InputError("noise acts on reactions, but this prediction is in floating point: leave noise out")
            return data.from_concentrations(self.spec.floating.forward(weights, x - self.centre))
        seed = self.plan.seed if seed is None else resolve_seed(seed)
        return data.from_concentrations(predict_by_simulation(self.plan, x, weights, seed, noise, progress).mean)

    def _check_range(self, x: np.ndarray, in_floating_point: bool) -> None:
        """Warn of inputs x float64[sample, input] [concentration] far outside the training samples: as a rule they are
        in other units. Raises InputError for inputs with too many molecules to simulate."""
        if not len(self.plan.dataset.train_x) or not len(x):
            return
        low, high = self.plan.dataset.feature_range
        largest = max(1.0, float(np.abs([low, high]).max()))
        width = np.where(high > low, high - low, largest)
        outside = np.maximum(low - x, x - high) / width
        i, k = np.unravel_index(int(outside.argmax()), outside.shape)
        if outside[i, k] <= _OUTSIDE:
            return
        what = (
            f"feature {k} of sample {i} is {x[i, k]:.4g} [concentration], but {low[k]:.4g} to {high[k]:.4g} in the "
            f"training samples of {self.plan.dataset.name}: give features as they were given to train, for a case as "
            "described in data/README.md"
        )
        if not in_floating_point and np.abs(x).max() > _TOO_MANY * largest:
            raise InputError(f"{what}; so many molecules take too long to simulate (exact_forward=True takes them)")
        checks.warn(f"{what}; far outside these samples the outputs mean little")

    def classify(self, x: Any, **how: Any) -> np.ndarray:
        """Names str[sample] of the predicted classes of inputs x float64[sample, feature]: those of the largest
        outputs. `x` and `how` as in `predict`. Classes without names are numbered from 0. Raises InputError for another
        task than classification, and as `predict`."""
        data = self.plan.dataset
        if data.task != CLASSIFICATION:
            raise InputError(
                f"classify needs a classification, but the task of this fit is {data.task}: use predict"
                + (", and compare its outputs with 0.5" if data.task == THRESHOLD else "")
            )
        return data.class_of(self.predict(x, **how))
