"""Numbers in sentences."""

import pytest

from gillespie_nn.display.tables import counted

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("n, text", [(0, "0 paths"), (1, "1 path"), (2, "2 paths")])
def test_a_noun_is_in_the_plural_unless_there_is_one(n, text):
    assert counted(n, "path") == text
