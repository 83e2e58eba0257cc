"""What the environment presents: which samples, how images are shifted, less their mean, and the learning schedule."""

from functools import cached_property

import numpy as np

from .. import seeds
from ..checks import InputError
from ..datasets import Dataset
from ..nn.schedules import CONSTANT, SCHEDULES
from ..nn.settings import Settings
from ..seeds import Purpose


class Presented:
    """Inputs, targets and the factor of the learning schedule of each presentation.

    Parameters
    ----------
    x : float64[sample, input], the samples as they are.
    t : float64[sample, output], or None for a network that does not learn.
    order : int64[presentation, sample of the batch], numbers of samples.
    centre : float64[input], subtracted from every input.
    shifts : int8[presentation, sample of the batch, 2], pixels down and right by which each image is shifted.
    image : (rows, columns) of the images that are shifted.
    schedule : name in `nn.schedules.SCHEDULES`.
    """

    def __init__(
        self,
        x: np.ndarray,
        t: np.ndarray | None,
        order: np.ndarray,
        *,
        centre: np.ndarray | None = None,
        shifts: np.ndarray | None = None,
        image: tuple[int, int] | None = None,
        schedule: str = CONSTANT,
    ) -> None:
        self._x, self.order = np.asarray(x, dtype=np.float64), np.asarray(order, dtype=np.int64)
        self._t = np.empty((len(self._x), 0)) if t is None else np.asarray(t, dtype=np.float64)
        self.centre: np.ndarray = np.zeros(self._x.shape[1]) if centre is None else centre
        """float64[input], what is subtracted from every input; 0 without centring."""
        self._shifts, self._image, self._schedule = shifts, image, SCHEDULES[schedule]

    @classmethod
    def each(cls, x: np.ndarray, t: np.ndarray | None = None) -> "Presented":
        """Every sample once, one by one, in order."""
        return cls(x, t, np.arange(len(x))[:, None])

    @classmethod
    def of(cls, dataset: Dataset, settings: Settings, order: np.ndarray, seed: int) -> "Presented":
        """The training samples as a run with these settings presents them. Raises InputError for shifts of samples that
        are no images."""
        course = settings.course
        return cls(
            dataset.train_x, dataset.train_t, order, centre=centre_of(dataset, settings),
            shifts=draw_shifts(course.shift, order.shape, seed) if course.shift else None,
            image=image_of(dataset, course.shift), schedule=settings.chemistry.schedule,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.order)

    @property
    def batch(self) -> int:
        """Samples presented at once."""
        return self.order.shape[1]

    def x(self, k: int) -> np.ndarray:
        """Inputs of presentation k, float64[sample of the batch, input] [concentration]."""
        shown = self._x[self.order[k]]
        if self._shifts is not None:
            assert self._image is not None
            shown = shifted(shown.reshape(-1, *self._image), self._shifts[k]).reshape(shown.shape)
        return shown - self.centre

    def t(self, k: int) -> np.ndarray:
        """Targets of presentation k, float64[sample of the batch, output] [concentration]."""
        return self._t[self.order[k]]

    def licence(self, k: int) -> float:
        """f(k), the factor of the learning rate in presentation k, between 0 and 1."""
        return self._schedule(k, len(self.order))

    @cached_property
    def x_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Between which values each input always is, float64[input] both."""
        low, high = _bounds(self._x)
        if self._shifts is not None:
            low, high = np.full_like(low, min(0.0, low.min())), np.full_like(high, max(0.0, high.max()))
        return low - self.centre, high - self.centre

    @cached_property
    def t_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Between which values each target always is, float64[output] both."""
        return _bounds(self._t)

    def __repr__(self) -> str:
        return f"Presented({len(self)} presentations of {self.batch} of {len(self._x)} samples)"


def _bounds(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.min(axis=0), values.max(axis=0)


def centre_of(dataset: Dataset, settings: Settings) -> np.ndarray:
    """float64[input], what is subtracted from every input [concentration]: with `centred` the mean of all training
    samples, those held out for validation included and not shifted; else 0."""
    x = dataset.train_x
    return x.mean(axis=0) if settings.course.centred else np.zeros(x.shape[1])


def image_of(dataset: Dataset, shift: int) -> tuple[int, int] | None:
    """Rows and columns of the images; raises InputError if samples are to be shifted and are no images."""
    if shift and dataset.image is None:
        raise InputError(
            f"shift = {shift} moves images by pixels, but the samples of {dataset.name} are not known to be images: "
            "leave shift out, or give a Dataset with image=(rows, columns)"
        )
    return dataset.image


def draw_shifts(shift: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """int8[presentation, sample of the batch, 2] for an order of `shape`: uniform from -shift to shift, a function of
    the seed and the presentation."""
    return seeds.stream(seed, Purpose.SHIFTS).integers(-shift, shift + 1, size=(*shape, 2), dtype=np.int8)


def shifted(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Images float64[image, row, column], each moved by its (rows down, columns right) of `shifts` int[image, 2];
    pixels that become empty are 0."""
    moved = np.zeros_like(images)
    for to, image, (down, right) in zip(moved, images, shifts.tolist()):
        rows, columns = (_cut(by, n) for by, n in zip((down, right), image.shape))
        to[rows[1], columns[1]] = image[rows[0], columns[0]]
    return moved


def _cut(by: int, n: int) -> tuple[slice, slice]:
    """(from where, to where) along an axis of n pixels moved `by`."""
    by = max(-n, min(n, by))
    return slice(max(0, -by), n - max(0, by)), slice(max(0, by), n - max(0, -by))
