"""Rules of the suite: which tests have which marker, and how many statistical checks there may be.

Tests that make statistical checks are marked `statistical`, and those in `tests/robustness` or with the fixture
`killed` are marked `robustness`; modules say themselves that they are `fast`. Each report of a test carries how many
checks it made, so that the sum is that of the whole suite however many processes run it.
"""

from pathlib import Path

import pytest

# Before any helper is imported, so that their assertions show values as those of test modules do.
pytest.register_assert_rewrite("helpers")

from helpers import checks_of_chance  # noqa: E402

ROBUSTNESS = Path(__file__).parent / "robustness"

_n_checks = 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if ROBUSTNESS in item.path.parents or "killed" in item.fixturenames:
            item.add_marker("robustness")
        fixtures = (f.func for fs in item._fixtureinfo.name2fixturedefs.values() for f in fs)
        if any(map(checks_of_chance.makes_checks, (getattr(item, "function", None), *fixtures))):
            item.add_marker("statistical")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    report.n_statistical_checks = checks_of_chance.counted()
    if report.n_statistical_checks and not item.get_closest_marker("statistical") and report.passed:
        report.outcome = "failed"
        report.longrepr = "it makes a statistical check that its code does not show, so it has no marker `statistical`"


def pytest_runtest_logreport(report):
    global _n_checks
    _n_checks += report.n_statistical_checks


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if not checks_of_chance.within_budget(_n_checks):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    alpha, budget = checks_of_chance.ALPHA, checks_of_chance.BUDGET
    verdict = "within" if checks_of_chance.within_budget(_n_checks) else "ABOVE"
    terminalreporter.write_line(
        f"{_n_checks} statistical checks at level {alpha:g}: false-alarm rate of the suite at most "
        f"{_n_checks * alpha:.1e}, {verdict} the budget of {budget:g}"
    )
