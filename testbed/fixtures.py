"""The test bed for pytest: `lab`, `host`, `fresh_host`, `hosts`, `bare`. Loaded by the root ``conftest.py``."""

import contextlib
import itertools
from collections.abc import Callable, Iterator

import pytest

from testbed import bare as bare_machine
from testbed import lab as host_lab
from testbed import leftovers, processes, rootfs, wheelhouse
from testbed.host import Host

_SLOW = {"lab": rootfs.path, "newcomer": wheelhouse.for_hosts}
_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Make what takes long once, before any test's time runs, and let it be seen."""
    if session.config.option.collectonly:
        return
    used = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    capture = session.config.pluginmanager.getplugin("capturemanager")
    for make in [make for name, make in _SLOW.items() if name in used]:
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            try:
                make()
            except processes.TestBedError as error:
                pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)


class Shared:
    """One host for many tests, exchanged when a test left something on it."""

    def __init__(self, lab: host_lab.Lab) -> None:
        self._lab = lab
        self._host: Host | None = None

    def get(self) -> Host:
        """Return the host, booted if there is none."""
        if self._host is None:
            self._host = self._lab.boot(f"host{next(_numbers)}")
        return self._host

    def give_back(self) -> list[str]:
        """Return what is left on the host of the test that used it; if anything is, the next test gets another host."""
        host = self.get()
        found = leftovers.find(host) if host.running else ["the host is off"]
        if found:
            host.remove()
            self._host = None
        return found


@pytest.fixture(scope="session")
def lab() -> Iterator[host_lab.Lab]:
    """The network of all hosts of this test run."""
    with host_lab.Lab() as made:
        yield made


@pytest.fixture(scope="session")
def shared_host(lab: host_lab.Lab) -> Shared:
    """What `host` draws from."""
    return Shared(lab)


@pytest.fixture
def host(shared_host: Shared) -> Iterator[Host]:
    """A booted host that other tests use too: leave nothing of Khutulun on it, or the test fails."""
    yield shared_host.get()
    found = shared_host.give_back()
    if found:
        pytest.fail("left on the host: " + "; ".join(found))


@pytest.fixture
def hosts(lab: host_lab.Lab) -> Iterator[Callable[[int], list[Host]]]:
    """Boots that many hosts for this test alone, on one network."""
    made: list[Host] = []

    def boot(count: int) -> list[Host]:
        made.extend(lab.boot(f"host{next(_numbers)}") for _ in range(count))
        return made[-count:]

    yield boot
    for each in made:
        each.remove()


@pytest.fixture
def fresh_host(hosts: Callable[[int], list[Host]]) -> Host:
    """A host for this test alone, to reboot, fill and break."""
    return hosts(1)[0]


@pytest.fixture
def bare() -> Iterator[bare_machine.Bare]:
    """This machine without systemd, as a private copy, for this test alone."""
    with bare_machine.Bare() as made:
        yield made
