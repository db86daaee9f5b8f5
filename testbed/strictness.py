"""How a test run treats what it cannot run. Loaded by the root ``conftest.py``.

Where the machine cannot carry real-backend tests they are left out, and the run says so loudly. In CI (``CI=true``)
nothing may be left out or skipped: each such test is a failure.
"""

import os
from collections.abc import Generator, Sequence

import pytest

from testbed import ability

REAL = ("system", "host", "demo")
GROUNDS = {"lab", "bare"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put quick tests first, and leave out what cannot run here."""
    items.sort(key=_cost)
    real = [item for item in items if _cost(item)]
    lacking = ability.lacking() if real else []
    if not lacking:
        return
    if _strict():
        raise pytest.UsageError("this machine cannot run every test; it lacks " + "; ".join(lacking))
    config.stash[_LACKING] = lacking
    config.hook.pytest_deselected(items=real)
    items[:] = items[: len(items) - len(real)]


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count what was left out, by any means."""
    for item in items:
        item.config.stash.setdefault(_LEFT_OUT, []).append(item.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, and why."""
    lacking = config.stash.get(_LACKING, [])
    left_out = config.stash.get(_LEFT_OUT, [])
    if lacking:
        terminalreporter.section("REAL-BACKEND TESTS DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(left_out)} tests were left out, because this machine lacks:", red=True)
        for need in lacking:
            terminalreporter.line(f"  {need}", red=True)
    if left_out and _strict():
        terminalreporter.section("TESTS WERE LEFT OUT, WHICH CI FORBIDS", sep="!", red=True, bold=True)
        for name in left_out:
            terminalreporter.line(f"  {name}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a strict run that left tests out."""
    if _strict() and session.config.stash.get(_LEFT_OUT, []) and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip or an expected failure of a strict run into a failure."""
    report = yield
    if _strict() and report.skipped:
        report.outcome = "failed"
        vars(report).pop("wasxfail", None)
        report.longrepr = f"not run, which CI forbids: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped file of a strict run into an error."""
    report = yield
    if _strict() and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"not collected, which CI forbids: {report.longrepr}"
    return report


def _strict() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def _cost(item: pytest.Item) -> int:
    grounded = int(bool(GROUNDS.intersection(getattr(item, "fixturenames", ()))))
    return max((REAL.index(mark.name) + 1 for mark in item.iter_markers() if mark.name in REAL), default=grounded)


_LACKING = pytest.StashKey[list[str]]()
_LEFT_OUT = pytest.StashKey[list[str]]()
