"""Sizes of networks that are not listed: those of the list, where there is one."""

import pytest

from gillespie_nn.checks import InputError
from gillespie_nn.nn import training_network
from gillespie_nn.nn.chemistries import CHEMISTRIES

pytestmark = pytest.mark.fast

SETTINGS = (
    {},
    {"hold": 3.0},
    {"learning_schedule": "cosine"},
    {"output": "smooth_relu", "signed_inputs": True, "hold": 2.0},
    {"derivative": "gain"},
    {"derivative": "ratio", "learning": False},
    {"activation": "annihilation_relu"},
    {"activation": "leaky_relu", "output": "leaky_relu"},
)


@pytest.mark.parametrize("chemistry", CHEMISTRIES, ids=lambda c: c.name)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("layers", [(3, 2), (5, 4, 3, 2)], ids=str)
@pytest.mark.parametrize("batch", [1, 3])
def test_sizes_are_those_of_the_list(layers, batch, chemistry, settings):
    spec = training_network(layers, chemistry=chemistry.name, batch=batch, **settings)
    assert spec.sizes == (len(spec.network.species), len(spec.network.reactions))
    outline = training_network(layers, chemistry=chemistry.name, batch=batch, listed=False, **settings)
    assert outline.sizes == spec.sizes and not outline.declared.reactions
    with pytest.raises(InputError, match="reactions of this network are not listed"):
        _ = outline.network
    assert "not listed" in repr(outline)


def test_a_switch_that_is_not_given_leaves_the_setting_of_the_case():
    import argparse

    from gillespie_nn.cli.flags import add_flags, given
    from gillespie_nn.nn.settings import setting_options

    parser = argparse.ArgumentParser()
    settings = setting_options()
    add_flags(parser, settings)
    assert "centred" not in given(parser.parse_args([]), settings)
    assert given(parser.parse_args(["--centred"]), settings)["centred"] is True
    assert given(parser.parse_args(["--no-centred"]), settings)["centred"] is False
