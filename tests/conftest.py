"""The suite's own rules: how many statistical checks there may be, and where compiled kernels are kept."""

import checks_of_chance
import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    spent = checks_of_chance.n_checks * checks_of_chance.ALPHA
    if spent > checks_of_chance.BUDGET:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    n, alpha = checks_of_chance.n_checks, checks_of_chance.ALPHA
    verdict = "within" if n * alpha <= checks_of_chance.BUDGET else "ABOVE"
    terminalreporter.write_line(
        f"{n} statistical checks at level {alpha:g}: false-alarm rate of the suite at most {n * alpha:.1e}, "
        f"{verdict} the budget of {checks_of_chance.BUDGET:g}"
    )
