"""Every driver passes the conformance kit on the real tool, on each kind of machine, as its page says (R30, R36).

The kit shows of each driver R13 (logs, exec), R43 and R94 (kills), R50 to R52, R54, R60 to R62, R90 (faults).
"""

from pathlib import Path

import pytest
from testbed import conformance
from testbed.bare import Bare
from testbed.host import Host
from testbed.machine import Machine

from khutulun.testing.drivers import report
from khutulun.testing.drivers.description import TITLES

FOLDERS = [pytest.param(folder, id=folder.name) for folder in conformance.paged()]


def judge(machine: Machine, folder: Path, kind: str) -> None:
    found = conformance.check(machine, folder)
    assert found.good, "\n".join(report.lines(found))
    applies = {TITLES[each.row]: each.verdict is report.Verdict.TRUE for each in found.results}
    assert applies == conformance.shown(folder, kind)


@pytest.mark.host
@pytest.mark.parametrize("folder", FOLDERS)
def test_r36_a_driver_conforms_on_a_host_with_systemd(fresh_host: Host, folder: Path) -> None:
    judge(fresh_host, folder, conformance.SYSTEMD)


@pytest.mark.system
@pytest.mark.parametrize("folder", FOLDERS)
def test_r36_a_driver_conforms_on_a_machine_without_systemd(bare: Bare, folder: Path) -> None:
    judge(bare, folder, conformance.NONE)
