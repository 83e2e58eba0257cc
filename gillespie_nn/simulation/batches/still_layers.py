"""The neurons of all layers for a batch of samples: at rest, lagging behind weights that move, and their noise."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...activations import SmoothReLU
from ...kernels.leap import still_neurons
from ...nn import TrainingNetwork


class Arrays(NamedTuple):
    """The arrays of one layer, each float32[sample, neuron], or float32[sample * neuron] in the same memory
    [concentration]."""

    z: np.ndarray
    y: np.ndarray
    s: np.ndarray
    e: np.ndarray
    d: np.ndarray
    g: np.ndarray
    dz: np.ndarray
    """Speeds [concentration/s]."""
    dy: np.ndarray
    ds: np.ndarray
    de: np.ndarray
    dd: np.ndarray
    cy: np.ndarray
    """Noise of the averages over a window, see `kernels.leap.still_neurons`."""
    cs: np.ndarray
    cd: np.ndarray
    cg: np.ndarray
    z_made: np.ndarray
    """The rate at which both rails together are made."""
    e_made: np.ndarray
    e_both: np.ndarray
    """Sums of both rails."""
    d_both: np.ndarray
    g_common: np.ndarray
    """Twice the scarcer rail."""
    scratch: np.ndarray


class StillLayer(NamedTuple):
    h: np.float32 | None
    """The smoothing; None for a linear layer."""
    grid: Arrays
    flat: Arrays


class StillLayers:
    """Neurons at rest. `weights` are always one float32[inputs + 1, neurons] per layer, the biases last; the first of
    them is not read, because pre-activations z of the first layer are given."""

    def __init__(self, spec: TrainingNetwork, n_samples: int) -> None:
        functions = [spec.hidden_activation] * (len(spec.layers) - 2) + [spec.output_activation]
        self.layers: list[StillLayer] = []
        for size, function in zip(spec.layers[1:], functions):
            memory = np.zeros((len(Arrays._fields), n_samples, size), dtype=np.float32)
            h = np.float32(function.h) if isinstance(function, SmoothReLU) else None
            self.layers.append(StillLayer(h, Arrays(*memory), Arrays(*memory.reshape(len(memory), -1))))
        self._annihilation = np.float32(spec.chemistry.annihilation_rate)
        self.targets = np.zeros((n_samples, spec.layers[-1]), dtype=np.float32)
        self.licence = np.float32(1.0)

    @property
    def first(self) -> Arrays:
        return self.layers[0].grid

    def rest(self, weights: Sequence[np.ndarray]) -> None:
        """Fill values and errors at rest, from `z` of the first layer on."""
        self.forward(weights)
        *hidden, last = self.layers
        a, t = last.flat, self.targets.reshape(-1)
        if last.h is None:
            still_neurons.linear_errors(a.y, t, a.cd, a.cg, self.licence, a.d, a.g)
        else:
            still_neurons.output_errors(a.y, t, a.s, a.cd, a.cg, self.licence, a.e, a.d, a.g)
        for k in range(len(hidden) - 1, -1, -1):
            a = hidden[k].flat
            np.matmul(self.layers[k + 1].grid.d, weights[k + 1][:-1].T, out=hidden[k].grid.e)
            still_neurons.hidden_errors(a.e, a.s, a.cd, a.cg, self.licence, a.d, a.g)

    def forward(self, weights: Sequence[np.ndarray]) -> None:
        """Fill outputs and slopes at rest."""
        for k, (h, grid, a) in enumerate(self.layers):
            if k:
                np.matmul(self.layers[k - 1].grid.y, weights[k][:-1], out=grid.z)
                np.add(grid.z, weights[k][-1], out=grid.z)
            if h is None:
                np.add(a.z, a.cy, out=a.y)
            else:
                still_neurons.activate(a.z, a.cy, a.cs, h, a.y, a.s)

    def late(self, weights: Sequence[np.ndarray], speeds: Sequence[np.ndarray]) -> None:
        """As `rest`, for neurons that lag behind weights that move at `speeds` [concentration/s], from `z` and `dz` of
        the first layer on."""
        for k, (h, grid, a) in enumerate(self.layers):
            if k:
                below = self.layers[k - 1].grid
                np.matmul(below.y, weights[k][:-1], out=grid.z)
                np.add(grid.z, weights[k][-1], out=grid.z)
                _add_products(below.dy, weights[k][:-1], below.y, speeds[k][:-1], grid.scratch, grid.dz)
                np.add(grid.dz, speeds[k][-1], out=grid.dz)
            if h is None:
                np.subtract(a.z, a.dz, out=a.y)
                np.add(a.y, a.cy, out=a.y)
                np.copyto(a.dy, a.dz)
            else:
                still_neurons.activate_late(a.z, a.dz, a.cy, a.cs, h, a.y, a.s, a.dy, a.ds)
        *hidden, last = self.layers
        a, t = last.flat, self.targets.reshape(-1)
        if last.h is None:
            still_neurons.linear_errors_late(a.y, a.dy, t, a.cd, a.cg, self.licence, a.d, a.dd, a.g)
        else:
            still_neurons.output_errors_late(
                a.y, a.dy, t, a.s, a.ds, a.cd, a.cg, self.licence, a.e, a.d, a.dd, a.g
            )  # fmt: skip
        for k in range(len(hidden) - 1, -1, -1):
            a, grid, above = hidden[k].flat, hidden[k].grid, self.layers[k + 1].grid
            np.matmul(above.d, weights[k + 1][:-1].T, out=grid.e)
            _add_products(above.dd, weights[k + 1][:-1].T, above.d, speeds[k + 1][:-1].T, grid.scratch, grid.de)
            still_neurons.hidden_errors_late(a.e, a.de, a.s, a.ds, a.cd, a.cg, self.licence, a.d, a.dd, a.g)

    def fill_rails(self, both: Sequence[np.ndarray]) -> None:
        """Fill the sums of the rails of errors, for sums of the rails of weights `both`."""
        k_rate = self._annihilation
        *hidden, (h, grid, a) = self.layers
        if h is None:
            np.abs(grid.z, out=grid.e_made)
            np.maximum(grid.e_made, grid.e_both, out=grid.e_made)  # a linear layer has its rails of z in `e_both`
        else:
            np.copyto(a.e_made, a.y)
        np.abs(self.targets, out=grid.scratch)
        np.add(grid.e_made, grid.scratch, out=grid.e_made)
        if h is None:
            still_neurons.linear_error_rails(a.e_made, a.d, a.g, k_rate, self.licence, a.d_both, a.g_common)
        else:
            still_neurons.error_rails(
                a.e_made, a.e, a.s, a.d, a.g, k_rate, self.licence, a.e_both, a.d_both, a.g_common
            )  # fmt: skip
        for k in range(len(hidden) - 1, -1, -1):
            a = hidden[k].flat
            np.matmul(self.layers[k + 1].grid.d_both, both[k + 1][:-1].T, out=hidden[k].grid.e_made)
            still_neurons.error_rails(
                a.e_made, a.e, a.s, a.d, a.g, k_rate, self.licence, a.e_both, a.d_both, a.g_common
            )  # fmt: skip

    def silence(self) -> None:
        """Set the noise to 0."""
        for layer in self.layers:
            for c in (layer.flat.cy, layer.flat.cs, layer.flat.cd, layer.flat.cg):
                c[:] = 0.0

    def fill_noise(
        self, weights: Sequence[np.ndarray], both: Sequence[np.ndarray], share: float, normals: Sequence[np.ndarray]
    ) -> None:
        """Fill the noise of averages over a window.

        `share` is 1 / (Omega Tw); `normals` float32[4, sample * neuron] of each layer are standard normal numbers. The
        first layer's `z` and `z_made` are given.
        """
        share, k_rate = np.float32(share), self._annihilation
        self.silence()
        self.rest(weights)
        self.fill_made(both)
        for (h, _, a), numbers in zip(self.layers, normals):
            if h is None:
                still_neurons.linear_noise(a.z, a.z_made, numbers[0], k_rate, share, a.e_both, a.cy)
            else:
                still_neurons.activation_noise(a.z, a.z_made, numbers[0], numbers[1], k_rate, h, share, a.cy, a.cs)
        self.fill_rails(both)
        for (h, _, a), numbers in zip(self.layers, normals):
            if h is None:
                still_neurons.linear_error_noise(
                    a.e_made, a.d_both, a.g, a.g_common, numbers[2], numbers[3], self.licence, share, a.cd, a.cg
                )
            else:
                still_neurons.error_noise(
                    a.e_made, a.e_both, a.s, a.d_both, a.g, a.g_common, numbers[2], numbers[3], self.licence, share,
                    a.cd, a.cg,
                )  # fmt: skip

    def fill_made(self, both: Sequence[np.ndarray]) -> None:
        """Fill the rates at which the rails of pre-activations are made, from the second layer on."""
        for k in range(1, len(self.layers)):
            grid = self.layers[k].grid
            np.matmul(self.layers[k - 1].grid.y, both[k][:-1], out=grid.z_made)
            np.add(grid.z_made, both[k][-1], out=grid.z_made)

    def outputs(
        self, weights: Sequence[np.ndarray], both: Sequence[np.ndarray], volume: float, normals: np.ndarray
    ) -> np.ndarray:
        """Molecules int64[sample, output, rail] of the outputs at one moment, for standard normal numbers
        float32[sample * output]."""
        self.silence()
        self.forward(weights)
        self.fill_made(both)
        h, grid, a = self.layers[-1]
        if h is not None:
            still_neurons.moment_noise(a.z, a.z_made, self._annihilation, h, np.float32(volume), normals, a.scratch)
            return np.rint(grid.scratch * volume).astype(np.int64)[..., None]
        # Half the variance of an average over one relaxation time is that of a moment.
        share = np.float32(0.5 / volume)
        still_neurons.linear_noise(a.z, a.z_made, normals, self._annihilation, share, a.e_both, a.cy)
        difference = np.rint((grid.z + grid.cy) * volume).astype(np.int64)
        scarcer = np.rint(np.maximum(grid.e_both - np.abs(grid.z), 0.0) * (0.5 * volume)).astype(np.int64)
        return np.stack([np.maximum(difference, 0), np.maximum(-difference, 0)], axis=-1) + scarcer[..., None]


def _add_products(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, scratch: np.ndarray, out: np.ndarray
) -> None:
    """out = a b + c d."""
    np.matmul(a, b, out=out)
    np.matmul(c, d, out=scratch)
    np.add(out, scratch, out=out)
