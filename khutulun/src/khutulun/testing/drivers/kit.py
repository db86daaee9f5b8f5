"""Runs the whole kit over one driver on this machine; called by ``khutulun plugin check`` and by tests."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from khutulun import model
from khutulun.testing.drivers import broken, deployed
from khutulun.testing.drivers.description import FAULTS, Driver, Row
from khutulun.testing.drivers.report import Report, Result, Verdict
from khutulun.testing.drivers.serving import Failed
from khutulun.testing.drivers.trial import LISTED, Trial

Progress = Callable[[Result], None]
Check = Callable[[], None]


def run(driver: Driver, plugin: Path | None, only: Sequence[Row] = (), progress: Progress = lambda _: None) -> Report:
    """Try everything that applies, in a folder that is removed, and return what was seen. Raises `model.Refused`."""
    folder = Path(tempfile.mkdtemp(prefix="khutulun-kit-"))
    trial = Trial(driver, folder, plugin)
    try:
        trial.shell(driver.kit.prepare)
        try:
            return _Run(trial, only or list(Row), progress).report()
        finally:
            trial.server.stop()
            trial.shell(driver.kit.cleanup)
    except Failed as failed:
        raise model.refuse("kit", str(failed), where=str(driver.folder), hint="mend tests/kit/kit.yaml") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Run:
    def __init__(self, trial: Trial, wanted: Sequence[Row], progress: Progress) -> None:
        self._trial, self._wanted, self._progress = trial, wanted, progress
        self._results: dict[Row, Result] = {}

    def report(self) -> Report:
        trial = self._trial
        trial.clean()
        before = trial.remains()
        self._row(Row.PLAN, lambda: deployed.planned(trial, trial.deploy, trial.request()))
        for row, check in deployed.ROWS.items():
            self._row(row, partial(self._while_deployed, check))
        self._row(Row.KILLED, lambda: self._afresh(broken.killed))
        for row in FAULTS:
            self._row(row, partial(self._afresh, partial(broken.sick, row=row)))
        self._row(Row.NAMES, lambda: self._afresh(broken.named))
        self._row(Row.SCRIPT, lambda: self._afresh(broken.by_hand))
        self._row(Row.ADOPT, lambda: self._afresh(broken.adopted))
        self._row(Row.LEFT, lambda: self._left(before))
        trial.clean()
        version = trial.shell(trial.kit.version).stdout.strip()
        return Report(trial.driver.name, version, tuple(self._results[row] for row in Row if row in self._results))

    def _row(self, row: Row, check: Check) -> None:
        if row not in self._wanted:
            return
        begun = time.monotonic()
        try:
            reason = self._reason(row)
            if not reason:
                check()
            result = Result(row, Verdict.OMITTED if reason else Verdict.TRUE, reason)
        except (Failed, model.Refused) as failed:
            result = Result(row, Verdict.FALSE, str(failed))
        self._results[row] = Result(result.row, result.verdict, result.words, round(time.monotonic() - begun, 1))
        self._progress(self._results[row])

    def _reason(self, row: Row) -> str:
        """Return why a row does not apply. Raises `Failed` when the description says nothing about it."""
        kit = self._trial.kit
        if row in kit.omit:
            return kit.omit[row]
        if row in FAULTS and row in kit.faults:
            return "" if os.geteuid() == 0 else "the fault is made by root"
        needed = {
            Row.LOGS: kit.log,
            Row.EXEC: kit.exec,
            Row.DIFFERENCES: kit.change,
            Row.EVENTS: kit.fail,
            Row.MISSED: kit.end,
            Row.ADOPT: kit.adopt,
        }
        if row in FAULTS or (row in needed and not needed[row]):
            raise Failed(f"kit.yaml has nothing about {row.value!r}; if it does not apply, say why under 'omit'")
        return ""

    def _while_deployed(self, check: Callable[[Trial], None]) -> None:
        if not self._trial.server.running or not self._trial.known():
            self._trial.clean()
            self._trial.deploy()
        try:
            check(self._trial)
        except BaseException:
            self._trial.server.stop()
            raise

    def _afresh(self, check: Callable[[Trial], None]) -> None:
        self._trial.clean()
        try:
            check(self._trial)
        except BaseException:
            self._trial.server.stop()
            raise

    def _left(self, before: dict[str, set[str]]) -> None:
        self._trial.clean()
        self._trial.deploy()
        there = self._since(before)
        if not there or (self._trial.kit.left and LISTED not in there):
            raise Failed("of a service that is deployed nothing is seen; under 'left' stands what lists it")
        self._trial.undeploy()
        if found := self._since(before):
            raise Failed("; ".join(f"{what}: {', '.join(some[:5])}" for what, some in found.items()))
        if "Traceback" in self._trial.server.log.read_text(errors="replace"):
            raise Failed(f"the server has told of a bug: {self._trial.server.last_words()}")

    def _since(self, before: dict[str, set[str]]) -> dict[str, list[str]]:
        """Return what there is now and was not before."""
        return {what: sorted(now - before[what]) for what, now in self._trial.remains().items() if now - before[what]}
