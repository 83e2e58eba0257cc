"""Streams seeded inside kernels are those of `gillespie_nn.seeds`."""

import numpy as np
import pytest

from gillespie_nn import seeds
from gillespie_nn.kernels import generator
from gillespie_nn.kernels.generator import SCRATCH, draw_exponentials, draw_uniforms, seed_stream
from gillespie_nn.seeds import Purpose

pytestmark = pytest.mark.fast

_EDGES = (0, 1, 2**32 - 1, 2**32, 2**32 + 1, 2**53, 2**63 - 1)
_NUMBERS = (0, 1, 2**32 - 1, 2**32, 2**63 - 1)


def _seeded(*numbers):
    """The state of a generator that a kernel seeded; scratch and the generator hold remains of other uses."""
    rng = np.random.Generator(np.random.SFC64(1))
    rng.integers(2, dtype=np.uint32)  # half of a word is left over
    scratch = np.full(SCRATCH, 0xFFFFFFFF, dtype=np.uint32)
    address = rng.bit_generator.ctypes.state_address
    seed_stream(np.uint64(address), *(np.uint64(n) for n in numbers), scratch)
    return rng


def _same(*numbers):
    rng, expected = _seeded(*numbers), seeds.stream(*numbers)
    state, wanted = rng.bit_generator.state, expected.bit_generator.state
    np.testing.assert_array_equal(state["state"]["state"], wanted["state"]["state"], err_msg=str(numbers))
    assert state["has_uint32"] == wanted["has_uint32"] == 0
    np.testing.assert_array_equal(
        rng.integers(2**32, size=5, dtype=np.uint32), expected.integers(2**32, size=5, dtype=np.uint32)
    )
    assert rng.random() == expected.random() and rng.standard_exponential() == expected.standard_exponential()


@pytest.mark.parametrize("seed", _EDGES)
def test_a_stream_is_that_of_numpy_where_a_number_needs_a_second_word(seed):
    for parameter_set in _NUMBERS:
        for replicate in _NUMBERS:
            _same(seed, Purpose.SIMULATION, parameter_set, replicate)


def test_a_stream_is_that_of_numpy_for_every_purpose():
    for purpose in Purpose:
        _same(12345, purpose, 2, 3)
        _same(2**63 - 1, purpose, 2**40, 2**33)


def test_a_stream_is_that_of_numpy_for_random_numbers():
    rng = np.random.default_rng(26)
    for _ in range(2000):
        bits = rng.integers(1, 64, 4)
        _same(*(int(rng.integers(2 ** int(b))) for b in bits))


def test_no_two_of_some_neighbouring_streams_are_equal():
    states = {
        tuple(_seeded(s, p, k, r).bit_generator.state["state"]["state"].tolist())
        for s in (0, 1, 2**32) for p in (0, 1) for k in (0, 1) for r in (0, 1, 2**32)
    }  # fmt: skip
    assert len(states) == 36


@pytest.mark.parametrize("seed", range(3))
def test_draws_inside_a_kernel_are_those_of_numpy(seed):
    n = 1_000_000  # some 400 of the exponentials come from the tail, 20,000 from beyond the quick part of a layer
    inside, numpys = seeds.stream(seed, Purpose.SIMULATION), seeds.stream(seed, Purpose.SIMULATION)
    address = np.uint64(inside.bit_generator.ctypes.state_address)
    exponentials, uniforms = np.empty((2, n))
    draw_exponentials(address, exponentials)
    draw_uniforms(address, uniforms)
    np.testing.assert_array_equal(exponentials, numpys.standard_exponential(n))
    np.testing.assert_array_equal(uniforms, numpys.random(n))
    assert str(inside.bit_generator.state) == str(numpys.bit_generator.state)
    assert (exponentials > 7.7).sum() > 100


def test_tables_of_the_ziggurat_are_those_of_the_formula():
    for used, formula in zip((generator._WIDTH, generator._WITHIN, generator._DENSITY), generator._layers()):
        np.testing.assert_allclose(used.astype(float), formula.astype(float), rtol=1e-12)
