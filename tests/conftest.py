"""The suite's own rules: how many statistical checks there may be.

Each report of a test carries how many checks it made, so that the sum is that of the whole suite however many
processes run it.
"""

import pytest

# Before any helper is imported, so that their assertions show values as those of test modules do.
pytest.register_assert_rewrite("helpers")

from helpers import checks_of_chance  # noqa: E402

_n_checks = 0


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    outcome = yield
    outcome.get_result().n_statistical_checks = checks_of_chance.counted()


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
