"""Trajectories of a training network while samples are presented to it: all its quantities over time, and their figure.

A network is listed for them whatever method trained it, and simulated molecule by molecule. It learns if the samples
have targets; else its weights are fixed.
"""

import numbers
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import checks, seeds
from ..checks import InputError, UnfinishedError
from ..crn.dual_rail import Rails
from ..datasets import Dataset
from ..display.figures import COLOURS, Drawing, add_legend, title
from ..display.tables import Table, counted, fragment, shown
from ..kernels import codes
from ..nn import Number, TrainingNetwork, training_network
from ..nn.chemistry import ERRORS, OUTPUTS, PREACTIVATIONS, WEIGHTS
from ..nn.compiler import MOST_LISTED
from ..nn.quantities import sizes_of
from ..nn.reactions import Layers
from ..noise import as_noises, plan_noise
from ..progress import Progress
from ..seeds import Purpose, resolve_seed
from ..simulation.methods import Method, TrainingMethod, choose_for_training, elsewhere, training_method
from ..simulation.methods.method import resolve
from ..simulation.presentations import (
    Checkpoint,
    Presented,
    Samples,
    first_checkpoint,
    generator_state,
    simulation_at,
)
from ..simulation.replicate import advance_to, start_simulation
from ..simulation.training import TrainingPlan
from ..status import Status

if TYPE_CHECKING:
    import pandas

INITIAL = "initial"
"""The name of the weights before training."""
_HIDDEN = (PREACTIVATIONS, OUTPUTS, ERRORS)
"""Meanings of what the figure shows of a neuron, if its network has them, above its weight."""
_TOGETHER = 1 << 10
"""Numbers whose changes are computed at once."""


@dataclass(frozen=True, repr=False)
class LearningTrajectories:
    """Every quantity of a training network over time, in concentrations, while samples are presented one after another.

    `t["D1_0"]` is float64[point], `t[["D1_0", "W1_0_0"]]` float64[point, name]. A signed number has its own name, and
    its rails are the species D1_0_p and D1_0_m: the number is their difference. `names` are the numbers, or with
    `signed=False` the species; both can be read by name in any case.
    """

    network: TrainingNetwork
    """The network that was simulated. `network.numbers` has the meanings of the names."""
    time: np.ndarray
    """float64[point] [s]. A point at which the input switches shows the state right after the switch."""
    counts: np.ndarray
    """[point, species] [molecules]: int64, or float64 for methods of concentrations."""
    volume: float
    """Omega: a concentration is an amount over Omega."""
    switches: np.ndarray
    """float64[presentation] [s], the times at which the input switches; each presentation lasts until the next, the
    last one until `time[-1]`."""
    inputs: np.ndarray
    """float64[presentation, sample of the batch, input] [concentration], as they were presented: centred and shifted,
    if the training does that."""
    targets: np.ndarray | None = None
    """float64[presentation, sample of the batch, output] [concentration]; None if nothing was learned."""
    samples: np.ndarray | None = None
    """int64[presentation, sample of the batch], numbers of training samples; None for inputs from elsewhere."""
    signed: bool = True
    """Whether `names` are signed numbers; else they are species."""
    method: str = ""
    """The method that simulated them."""
    method_reason: str = ""
    """Why this method was used."""
    seed: int = 0
    title: str = ""
    """What was presented to which network, in a line."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers, or with `signed=False` of the species, in the order of the species."""
        if not self.signed:
            return self.network.declared.species
        return tuple(number.name for number in self.network.numbers)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        """Presentations."""
        return len(self.switches)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name == "time" or bool(self._rails(name)))

    def __getitem__(self, name: Any) -> np.ndarray:
        if isinstance(name, str):
            return self.time if name == "time" else self.of(self._known(name))
        if isinstance(name, (list, tuple)) and name and all(isinstance(n, str) for n in name):
            return np.stack([self[n] for n in name], axis=-1)
        raise InputError(
            f"trajectories are indexed by a name, t[{self.names[0]!r}], or by a list of names; got "
            f"{checks.shortened_text(repr(name))}"
        )

    def _ipython_key_completions_(self) -> list[str]:
        """Names that IPython suggests after `t["`."""
        return [*self.names, "time"]

    def of(self, rails: Rails) -> np.ndarray:
        """float64[point] [concentration], the number that `rails` carry."""
        return self.network.read([rails], self.counts, self.volume)[:, 0]

    def _rails(self, name: str) -> Rails | None:
        """The rails of a number, or the species of that name alone."""
        if name in self.network.declared.index:
            return Rails(name)
        return next((number.rails for number in self.network.numbers if number.name == name), None)

    def _known(self, name: str) -> Rails:
        rails = self._rails(name)
        if rails is None:
            every = dict.fromkeys((*self.names, *(number.name for number in self.network.numbers)))
            checks.choice(
                "quantity", name, every, "the network has", elsewhere=("time", *self.network.declared.species)
            )
        assert rails is not None  # `choice` refuses all other names
        return rails

    def __repr__(self) -> str:
        what = "numbers" if self.signed else "species"
        return (
            f"LearningTrajectories: {counted(len(self), 'presentation')}, {len(self.time)} points from "
            f"{self.time[0]:g} to {self.time[-1]:g} s, {len(self.names)} {what} [concentration]\n"
            f"  {self.title}; {self._how()}"
        )

    def _how(self) -> str:
        return f"method {self.method} ({self.method_reason}), seed {self.seed}, Omega = {self.volume:g}"

    def _repr_html_(self) -> str:
        return fragment(repr(self).partition("\n")[0], [shown(self.table(), 20)], [self.title, self._how()])

    def table(self) -> Table:
        """The quantities of each layer: their meaning, and their root mean square at the first and the last point."""
        groups: dict[str, list[Number]] = {}
        for number in self.network.numbers:
            groups.setdefault(number.group, []).append(number)
        rows = []
        for group, members in groups.items():
            ends = self.network.read([n.rails for n in members], self.counts[[0, -1]], self.volume)
            rows.append((group, members[0].meaning, len(members), *np.sqrt(np.mean(np.square(ends), axis=1)).tolist()))
        at = (f"rms at {self.time[0]:g} s", f"rms at {self.time[-1]:g} s")
        return Table("quantities by layer [concentration]", ("quantity", "meaning", "numbers", *at), rows)

    def to_dataframe(self) -> "pandas.DataFrame":
        """A pandas DataFrame indexed by (presentation, time), with a column for each of `names` [concentration]. Raises
        MissingExtraError without pandas."""
        pandas = checks.optional("pandas", "xarray", "to_dataframe")
        presentation = np.searchsorted(self.switches, self.time, side="right") - 1
        index = pandas.MultiIndex.from_arrays([presentation, self.time], names=["presentation", "time"])
        if self.signed:
            values = self.network.read([n.rails for n in self.network.numbers], self.counts, self.volume)
        else:
            values = self.counts / self.volume
        return pandas.DataFrame(values, index=index, columns=list(self.names))

    def plot(self, neuron: str | Sequence[str] | None = None, output: int = 0, ax: Any = None) -> Any:
        """Draw an output with its target, and of a hidden neuron its pre-activation, output, error and a weight, over
        time, into new panels or into `ax`, as many axes.

        `neuron` is the name of any quantity of it, such as "D1_3"; a weight, such as "W1_3_0", is drawn itself. A list
        of names, such as ["E1_3", "S1_3"], draws these quantities, one a panel. By default it is the neuron with the
        weight of the first layer that changes most. `output` is the number of the output. Returns the axes. Raises
        InputError for an unknown name or number, MissingExtraError without matplotlib.
        """
        return self.drawing(neuron, output).plot(ax)

    def drawing(self, neuron: str | Sequence[str] | None = None, output: int = 0) -> Drawing:
        """The figure of `plot`."""
        panels = self.panels(neuron, output)

        def draw(axes: Any, panel: Panel, first: bool) -> None:
            draw_panel(axes, self, panel, color=COLOURS[0], linewidth=0.9, label="simulated")
            draw_switches(axes, self)
            if panel.target is not None:
                draw_target(axes, self, panel.target)
            axes.set_xlabel("time [s]")
            axes.set_ylabel(f"{panel.label}\n[concentration]", fontsize=8)
            if first:
                title(axes, f"{self.title}\n{self.method}, Omega = {self.volume:g}, seed {self.seed}")
                add_legend(axes)

        parts = tuple(partial(draw, panel=panel, first=k == 0) for k, panel in enumerate(panels))
        return Drawing(parts, size=(8, 1.2 + 1.55 * len(parts)), share_x=True)

    def panels(self, neuron: str | Sequence[str] | None = None, output: int = 0) -> "list[Panel]":
        """What `plot` draws."""
        output = checks.whole("output", output, least=0, most=self.network.layers[-1] - 1)
        if neuron is None:
            shown = self.shown(*liveliest([self]))
        elif isinstance(neuron, str):
            shown = self._shown_of(neuron)
        else:
            shown = [self._number(name) for name in neuron]
        sample = next((number.sample for number in shown if number.sample is not None), 0)
        return panels_of(self, shown, output, sample)

    def is_of_neuron(self, name: str) -> bool:
        """Whether `name` is that of a quantity of a neuron. Raises InputError for an unknown name."""
        self._known(name)
        number = self.network.numbers.of(name)
        return bool(number.layer and number.indices)

    def shown(self, layer: int, i: int, j: int, sample: int = 0) -> list[Number]:
        """The numbers that are drawn of neuron `i` of a layer and of its weight from neuron `j` of the layer below."""
        places = {**dict.fromkeys(_HIDDEN, (i,)), WEIGHTS: (i, j)}
        every = self.network.numbers
        return [
            number
            for meaning, at in places.items()
            for number in every.select(meaning, layer=layer, sample=sample)
            if number.indices == at
        ]

    def _number(self, name: str) -> Number:
        """The quantity of a neuron with this name. Raises InputError for another name."""
        number = self.network.numbers.of(name) if isinstance(name, str) and self.is_of_neuron(name) else None
        if number is None:
            hidden = next(n.name for n in self.network.numbers if n.layer)
            raise InputError(f"{name} is not a quantity of a neuron: give the name of one, such as {hidden!r}")
        return number

    def _shown_of(self, name: str) -> list[Number]:
        number = self._number(name)
        sample = number.sample or 0
        if number.meaning == WEIGHTS:
            i, j = number.indices
            return self.shown(number.layer, i, j, sample)
        i = number.indices[0]
        weights = [n for n in self.network.numbers.select(WEIGHTS, layer=number.layer) if n.indices[0] == i]
        j = weights[int(np.argmax(_changes(self, weights)))].indices[1] if weights else 0
        return self.shown(number.layer, i, j, sample)


# The figure. The study `time-course` draws its panels with the same functions.


class Panel(NamedTuple):
    """What one panel shows."""

    label: str
    rails: Rails
    target: Rails | None = None
    """The target that is drawn with an output."""


def panels_of(course: LearningTrajectories, hidden: Sequence[Number], output: int = 0, sample: int = 0) -> list[Panel]:
    """The panels of a figure: an output with its target, and the numbers of a hidden neuron."""
    network = course.network
    k = sample * network.layers[-1] + output
    target = network.targets[k] if network.targets else None
    name = network.outputs[k].name
    first = Panel(f"output\n{name}" + (", and its target" if target else ""), network.outputs[k], target)
    return [first, *(Panel(f"{number.meaning.removesuffix('s')}\n{number.name}", number.rails) for number in hidden)]


def liveliest(courses: Sequence[LearningTrajectories]) -> tuple[int, int, int]:
    """(layer, neuron, input) of the weight of the first layer whose smallest change over the courses is the largest: it
    changes in all of them. Where weights are fixed, the neuron whose pre-activation changes most."""
    network = courses[0].network
    weights = network.numbers.select(WEIGHTS, layer=1)
    changes = np.min([_changes(course, weights) for course in courses], axis=0)
    if not changes.any() and (neurons := network.numbers.select(PREACTIVATIONS, layer=1, sample=0)):
        moved = np.min([_changes(course, neurons) for course in courses], axis=0)
        return 1, neurons[int(np.argmax(moved))].indices[0], 0
    if not len(weights):
        raise InputError("the first layer of this network has no weights to choose a neuron by: name the neuron")
    return 1, *weights[int(np.argmax(changes))].indices  # type: ignore[return-value]


def _changes(course: LearningTrajectories, numbers_: Sequence[Number]) -> np.ndarray:
    """float64[number], largest less smallest value over time [concentration]."""
    parts = [numbers_[k : k + _TOGETHER] for k in range(0, len(numbers_), _TOGETHER)]
    rails = [[number.rails for number in part] for part in parts]
    changes = [np.ptp(course.network.read(part, course.counts, course.volume), axis=0) for part in rails]
    return np.concatenate(changes) if changes else np.empty(0)


def draw_panel(axes: Any, course: LearningTrajectories, panel: Panel, **how: Any) -> None:
    """Draw the number of a panel over time; `how` are options of the line."""
    axes.plot(course.time, course.of(panel.rails), **how)


def draw_switches(axes: Any, course: LearningTrajectories) -> None:
    """Draw a line at each time at which the input switches."""
    for k, time in enumerate(course.switches):
        axes.axvline(
            time, color="0.7", linestyle=":", linewidth=0.8, zorder=0, label=None if k else "the input switches"
        )


def draw_target(axes: Any, course: LearningTrajectories, target: Rails) -> None:
    """Draw a target over time."""
    axes.plot(course.time, course.of(target), color=COLOURS[1], linewidth=1.0, drawstyle="steps-post", label="target")


# The samples that are presented, and their simulation.


class _Chosen(NamedTuple):
    """What is presented."""

    presented: Presented
    n: int
    """Presentations."""
    learning: bool
    what: str
    """In words, for the title."""
    numbers: np.ndarray | None = None
    """int64[presentation, sample of the batch], numbers of training samples."""
    of_training: bool = False
    """Whether these are the first presentations of the training."""


def _choose(plan: TrainingPlan, samples: Any) -> _Chosen:
    """What `Fit.trajectories` presents for its argument `samples`. Raises InputError for anything else."""
    data = plan.dataset
    n_samples, n_inputs, n_outputs = len(data.train_x), plan.spec.layers[0], plan.spec.layers[-1]
    if isinstance(samples, (numbers.Integral, np.integer)) and not isinstance(samples, bool):
        n = checks.whole("samples", samples, most=len(plan.order), hint="a number is that of the first presentations")
        what = f"first {counted(n, 'presentation')} of {data.name}"
        return _Chosen(plan.presented, n, True, what, plan.order[:n], of_training=True)
    # Only a tuple is a pair: a list of two rows is two samples.
    x, t = samples if _is_pair(samples) else (samples, None)
    if t is None and (chosen := _indices(x)) is not None:
        wrong = chosen[(chosen < 0) | (chosen >= n_samples)]
        if len(wrong):
            raise InputError(f"samples must be numbers of training samples, 0 to {n_samples - 1}, got {wrong[0]}")
        order = chosen[:, None]
        presented = Presented(data.train_x, data.train_t, order, centre=plan.centre)
        return _Chosen(presented, len(chosen), True, f"{counted(len(chosen), 'sample')} of {data.name}", order)
    allowed = f"[sample, {n_inputs}], or be a number of presentations, numbers of training samples, or a pair (x, t)"
    x = checked_numbers("samples", x, (None, n_inputs), allowed)
    if not len(x):
        raise InputError("samples are empty: give at least one")
    if t is not None:
        t = _targets(data, t, len(x), n_outputs)
    x = data.to_concentrations(x)
    presented = Presented(x, t, np.arange(len(x))[:, None], centre=plan.centre)
    what = f"{counted(len(x), 'sample')} given to a network of {data.name}"
    return _Chosen(presented, len(x), t is not None, what)


def _targets(data: Dataset, t: Any, n: int, n_outputs: int) -> np.ndarray:
    """Targets float64[sample, output] [concentration], given as to `train`: numbers, or classes by name."""
    if data.classes and np.shape(t) == (n,):
        names = np.asarray(t).astype(str)
        for name in names.tolist():
            checks.choice("class", name, data.classes)
        return (names[:, None] == np.array(data.classes)).astype(np.float64)
    t = np.reshape(t, (n, 1)) if np.shape(t) == (n,) and n_outputs == 1 else t
    t = checked_numbers("targets", t, (n, n_outputs), f"[{n}, {n_outputs}], a row for each sample")
    return t if data.target_scale is None else data.target_scale.apply(t)


def _is_pair(samples: Any) -> bool:
    return isinstance(samples, tuple) and len(samples) == 2 and (samples[1] is None or np.ndim(samples[0]) > 0)


def _indices(values: Any) -> np.ndarray | None:
    """int64[sample], if `values` are whole numbers in a row; else None."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different length
        return None
    return array.astype(np.int64) if array.ndim == 1 and array.size and array.dtype.kind in "iu" else None


def checked_numbers(what: str, values: Any, shape: tuple[int | None, ...], shown: str) -> np.ndarray:
    """`values` as finite float64 of `shape`, in which None is any length."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what} must be finite numbers of shape {shown}, got {values!r}"[:300]) from None
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape)):
        raise InputError(f"{what} must have shape {shown}, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{what} must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def network_of(
    plan: TrainingPlan, batch: int, listed: bool = True, learning: bool = False, signed_inputs: bool = False
) -> TrainingNetwork:
    """The network of a training for another batch: by default the forward network, with fixed weights."""
    return training_network(
        plan.spec.layers,
        **plan.settings.of_network | {"batch": batch},
        signed_inputs=plan.signed or signed_inputs,
        learning=learning,
        listed=listed,
        seed=plan.seed,
    )


def _listed_network(plan: TrainingPlan, chosen: _Chosen) -> TrainingNetwork:
    """The network that is simulated, with all reactions. Raises InputError if they are too many."""
    batch = chosen.presented.batch
    if plan.spec.listed and chosen.learning and batch == plan.batch and _fits(plan.spec, chosen):
        return plan.spec
    stack = plan.spec.floating.stack
    n = sizes_of(Layers(stack.chemistry, stack.sizes, stack.functions[1:], plan.signed, batch), chosen.learning)
    if n.n_reactions > MOST_LISTED:
        instead = "train a smaller network to look inside"
        if batch > 1:
            instead = f"give numbers of samples, samples=[0, 1], which are presented one at a time, or {instead}"
        raise InputError(
            f"the trajectories need a list of all reactions, and the network {plan.spec.shape}, with "
            f"{counted(batch, 'sample')} at a time, has {n.n_reactions:.3g} ({MOST_LISTED:.0e} at most): {instead}"
        )
    return network_of(
        plan, batch, learning=chosen.learning, signed_inputs=bool((chosen.presented.x_range[0] < 0).any())
    )


def _fits(spec: TrainingNetwork, chosen: _Chosen) -> bool:
    """Whether the inputs of the network can represent all that is presented."""
    return spec.inputs[0].minus is not None or bool((chosen.presented.x_range[0] >= 0).all())


def _method_of(plan: TrainingPlan, network: TrainingNetwork, asked: Any) -> tuple[type[Method], str, dict[str, Any]]:
    """(method, why this method, its options) that simulates the reactions."""
    method: TrainingMethod | None = plan.method if asked is None else training_method(asked)
    reason = "that of the training" if asked is None else "requested"
    if method is not None and not issubclass(method, Method):
        if asked is not None:
            raise InputError(
                f"method {method.name} simulates no single reactions, so it has no trajectories of them: use auto, "
                "tau_leap or ode, for example"
            )
        name, method = method.name, None
        chosen, why = choose_for_training(None, network)
        return chosen, f"{why}; {name}, which trained it, simulates no single reactions", _defaults(chosen)  # type: ignore[return-value, arg-type]
    chosen, why = choose_for_training(method, network)
    assert issubclass(chosen, Method)
    options = plan.learner.options if chosen is plan.method else _defaults(chosen)
    return chosen, why if method is None else reason, options


def _defaults(method: type[Method]) -> dict[str, Any]:
    return resolve(method, method.training_options, elsewhere)


def simulate_samples(
    plan: TrainingPlan,
    samples: Any,
    trained: np.ndarray,
    *,
    signed: bool,
    method: Any,
    weights: Any,
    seed: int | None,
    noise: Any,
    points: int,
    progress: bool | None,
) -> LearningTrajectories:
    """The trajectories of `Fit.trajectories`, for the plan of a training and its `trained` weights float64[weight]."""
    points = checks.whole("points", points, least=2, hint="recorded points of a presentation")
    chosen = _choose(plan, samples)
    network = _listed_network(plan, chosen)
    kind, reason, options = _method_of(plan, network, method)
    n_species, n_times = len(network.declared.species), chosen.n * points + 1
    checks.fits_memory(
        f"{n_species} species at {n_times} recorded times", 8 * n_species * n_times,
        "present fewer samples, or record fewer points",
    )  # fmt: skip
    time = _times(chosen.n, points, plan.settings.running_time)
    from_start = isinstance(weights, str)
    if from_start:
        checks.choice("weights", weights, (INITIAL,), "as a name there is only", "or give the numbers")
        start_weights = plan.learner.initial_weights
    else:
        n_weights = len(trained)
        start_weights = (
            trained if weights is None else checked_numbers("weights", weights, (n_weights,), f"[{n_weights}]")
        )
    # The training itself: with its random numbers, its noise and its restarts at checkpoints.
    again = from_start and chosen.of_training and network is plan.spec and (seed, noise, method) == (None, None, None)
    again = again and issubclass(plan.method, Method)  # not after a training in floating point
    seed = plan.seed if seed is None else resolve_seed(seed)
    if again:
        simulation: Any = simulation_at(plan, first_checkpoint(plan))
    else:
        rates = rates_of(plan, network)
        noises = plan_noise(
            noise, network.network, rates, unforced=network.unforced if as_noises(noise) else (), prediction=True
        )
        simulation = start_simulation(
            kind, network.network, rates, plan.volume, network.start(start_weights, plan.volume, kind.dtype),
            seeds.stream(seed, Purpose.TRAJECTORIES), noise=noises, seed=seed, options=options,
        )  # fmt: skip
    shown = Samples(network, chosen.presented, plan.volume, kind.dtype)
    every = plan.options.checkpoint_every if again else None
    with Progress("trajectories", chosen.n, progress, kind.name) as bar:
        counts = _present(plan, simulation, shown, time, chosen.n, every, bar)
    x, t = (np.array([of(k) for k in range(chosen.n)]) for of in (chosen.presented.x, chosen.presented.t))
    learnt = "" if chosen.learning else ", with fixed weights"
    from_weights = "initial" if from_start else "trained" if weights is None else "given"
    return LearningTrajectories(
        network, time, counts, plan.volume, plan.settings.running_time * np.arange(chosen.n), x,
        t if chosen.learning else None, chosen.numbers, signed, kind.name, reason, seed,
        f"{chosen.what}, from the {from_weights} weights{learnt}",
    )  # fmt: skip


def _times(n: int, points: int, running_time: float) -> np.ndarray:
    """Recorded times: `points` evenly spaced ones in each presentation, from its begin, and the end of the last."""
    begins = running_time * np.arange(n)[:, None]
    return np.append((begins + running_time / points * np.arange(points)).ravel(), n * running_time)


def rates_of(plan: TrainingPlan, network: TrainingNetwork) -> np.ndarray:
    """Rate constants float64[reaction], with those that the training changed, by the name of the reaction."""
    known = network.network.reaction_index
    return network.network.rates({name: k for name, k in plan.learner.changed_rates.items() if name in known})


def _present(
    plan: TrainingPlan, simulation: Any, samples: Samples, time: np.ndarray, n: int, every: int | None, bar: Progress
) -> np.ndarray:
    """The state [point, species] at the times `time` [s] of `n` presentations. With `every`, a new simulation continues
    from a checkpoint after every so many presentations, as that of a training does."""
    running_time = plan.settings.running_time
    rows: np.ndarray = np.empty((len(time), len(simulation.counts)), dtype=simulation.counts.dtype)
    n_done = 0
    simulation.start_chunk()

    def pause(now: float) -> bool:
        bar.update(now / running_time)
        return False

    for k in range(n):
        if every is not None and k and k % every == 0:
            n_done += simulation.grid_index
            state = (
                k,
                simulation.n_events,
                simulation.counts.copy(),
                generator_state(simulation.rng),
                simulation.memory(),
            )
            simulation = simulation_at(plan, Checkpoint(*state, np.empty(0), np.empty(0)))
            simulation.start_chunk()
        for step in samples.present(simulation, k, k * running_time, (k + 1) * running_time):
            # A point at which something is set shows the state after that.
            ends = step.end == time[-1]
            due = time[n_done : len(time) if ends else int(np.searchsorted(time, step.end, side="left"))]
            code = advance_to(simulation, step.end, pause, grid_time=due, grid_counts=rows[n_done:])
            if code != codes.REACHED_END:
                raise UnfinishedError(f"presentation {k} stopped early: {Status(code)}")
        bar.update(k + 1)
    return rows
