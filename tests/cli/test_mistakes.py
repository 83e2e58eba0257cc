"""A user's mistake ends in one sentence that says what was wrong, the value, what is allowed and what to do."""

import importlib.util
import re

import pytest
from make_errors import page

import gillespie_nn as gnn
from helpers.mistakes import MISTAKES
from helpers.mistakes_made import outcome, prepare
from helpers.pages import answers
from helpers.paths import DOCS

ALL = [mistake for section in MISTAKES.values() for mistake in section]


def _missing(library):
    return library and importlib.util.find_spec(library) is None


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistakes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare()
    return folder


@pytest.fixture
def here(prepared, monkeypatch):
    monkeypatch.chdir(prepared)


@pytest.mark.parametrize("mistake", ALL, ids=lambda m: m.did.removeprefix("gillespie-nn "))
def test_a_mistake_gets_a_sentence_that_helps(mistake, here):
    if _missing(mistake.needs):
        pytest.skip(f"{mistake.needs} is not here")
    end, message = outcome(mistake)
    assert [word for word in mistake.words if word not in message] == [], message
    assert len(message.splitlines()) == 1 and "Traceback" not in message
    if isinstance(mistake.end, int):
        assert end == mistake.end
    else:
        assert end is not None and issubclass(end, mistake.end)


def test_there_are_the_fifty_likeliest():
    assert len({mistake.did for mistake in ALL}) == len(ALL) >= 50


def test_the_page_of_errors_is_up_to_date(here):
    missing = [mistake.needs for mistake in ALL if _missing(mistake.needs)]
    if missing:
        pytest.skip(f"{missing[0]} is not here")
    shown, made = answers((DOCS / "errors.md").read_text()), answers(page())
    assert len(made) == sum(not mistake.quotes for mistake in ALL)
    assert shown == made, "write it anew: python tests/make_errors.py"


def test_a_wrapped_message_is_the_same_and_a_missing_or_changed_one_is_not():
    text = "# Messages\n\n## A\n\n`run x`  \n> exit code 2: no x; see y\n\n`run z` (without w)  \n> `Error`: no z\n"
    whole = {("A", "`run x`"): "exit code 2: no x; see y", ("A", "`run z` (without w)"): "`Error`: no z"}
    assert answers(text) == answers(text.replace("no x; ", "no x;\n> ")) == whole
    assert answers(text.replace("see y", "see q")) != whole
    assert answers(text.partition("\n\n`run z`")[0]) == {("A", "`run x`"): "exit code 2: no x; see y"}


def test_every_public_name_by_which_a_user_can_err_is_on_the_page():
    """All names but those of what functions return, and of errors and constants."""
    returned = {"Certificate", "Fit", "LearningTrajectories", "MomentsResult", "MomentsRun", "Result", "Sweep"}
    others = {"GillespieError", "UnfinishedError", "Status", "TrainingNetwork", "__version__"}
    page = (DOCS / "errors.md").read_text()
    missing = {name for name in gnn.__all__ if not re.search(rf"\b{name}\b", page)}
    assert missing <= returned | others
