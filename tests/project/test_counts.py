"""The source stays small, commented, in plain words, and without two things of one name: `counts.py` against limits."""

import pytest

from project import counts

pytestmark = pytest.mark.fast

AT_MOST = {"files": 250, "words to avoid": 40, "basenames twice": 0, "class names twice": 0}
"""What `python tests/project/counts.py` may show; to be lowered with what it shows, and never raised."""
AT_LEAST = {"comments in kernels [%]": 4.0, "comments elsewhere [%]": 2.0}


@pytest.fixture(scope="module")
def files():
    return counts.sources()


@pytest.fixture(scope="module")
def counted(files):
    return counts.counts(files)


def test_all_of_the_source_is_counted_once(files):
    assert {"gillespie_nn/__init__.py", "kernels/__init__.py"} <= files.keys()
    assert not any(path.startswith(("gillespie_nn/kernels/", "gillespie_nn/data/")) for path in files)


@pytest.mark.parametrize("what", AT_MOST)
def test_there_are_not_more(what, counted):
    assert counted[what] <= AT_MOST[what], "python tests/project/counts.py --help says how to list them"


@pytest.mark.parametrize("what", AT_LEAST)
def test_there_are_not_fewer(what, counted):
    assert counted[what] >= AT_LEAST[what] - 0.005  # the table rounds to two digits


def test_the_table_shows_every_count(counted):
    shown = counts.table(counted)
    for word in counts.WORDS:
        names, prose = counted[f"{word} in names"], counted[f"{word} in prose"]
        assert f"{word} {names} {prose} {names + prose}" in " ".join(shown.split())
    assert all(what in shown for what in [*AT_MOST, *AT_LEAST])


SOURCE = '''"""Found: someone owns it, and some is found."""

# They look at `look_at_all`, on their own.
class Known:
    found_at = 1  # said beside


def carry_out(Found, unfound):
    """What
    is said."""
    return "#", f"{Found} foundation", FileNotFoundError
'''


def test_words_count_in_names_and_prose_and_not_as_parts_of_words():
    names, everywhere = counts.in_names(SOURCE), counts.in_all(SOURCE)
    assert names["carry_out"] == 1 and everywhere["carry_out"] == 1
    assert names["look_at"] == 0 and everywhere["look_at"] == 2  # `look at` and `look_at_all` of the comment
    assert everywhere["found"] == 5 and names["found"] in (2, 3)  # the third stands in an f-string
    assert {word: everywhere[word] for word in ("own", "some", "beside", "said", "hand_on")} == {
        "own": 1, "some": 1, "beside": 1, "said": 2, "hand_on": 0,
    }  # fmt: skip
    assert [line for _, line, _ in counts.places({"a.py": SOURCE}, "said")] == [5, 10]


def test_full_line_comments_and_lines_of_code():
    assert counts.full_line_comments(SOURCE) == 1
    assert counts.code_lines(SOURCE) == 4
    assert counts.counts({"kernels/a.py": SOURCE, "gillespie_nn/b.py": "x = 1\n# y\n"})["comments elsewhere [%]"] == 50


def test_names_that_stand_twice():
    files = {
        "p/__init__.py": "class A:\n    class B: pass",
        "p/a.py": "class B: pass",
        "q/__init__.py": "",
        "q/a.py": "",
    }
    assert counts.basenames_twice(files) == {"a.py": ["p/a.py", "q/a.py"]}
    assert counts.classes_twice(files) == {"B": ["p/__init__.py", "p/a.py"]}
