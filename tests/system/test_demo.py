"""The README's commands on a machine that has nothing but Debian's Python and make (R100)."""

import json
from collections.abc import Iterator

import pytest
from testbed import checkout, leftovers, wheelhouse
from testbed.host import Host
from testbed.lab import Lab

HOME = "/srv/khutulun"
DEMO = {"KHUTULUN_SOCKET": f"{HOME}/build/demo/run/khutulun.sock"}


@pytest.fixture
def newcomer(lab: Lab) -> Iterator[Host]:
    """A host that was never set up, with a copy of the checkout and, in place of a registry, a folder of wheels."""
    wheels = wheelhouse.for_hosts()
    host = lab.boot("newcomer", shares=[checkout.Share(wheels)])
    host.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    host.copy_files(checkout.ROOT, checkout.files(), HOME)
    yield host
    host.remove()


@pytest.mark.demo
@pytest.mark.timeout(1500)
def test_make_demo_on_a_bare_host(newcomer: Host) -> None:
    """R100: one command sets up, starts Khutulun and deploys a service; one more takes all of it down."""
    shown = newcomer.run(["make", "demo"], cwd=HOME)
    assert "make stop" in shown.stdout
    listed = newcomer.run([f"{HOME}/.venv/bin/khutulun", "service", "list", "--output", "json"], env=DEMO)
    assert "hello" in json.dumps(json.loads(listed.stdout))
    newcomer.run(["systemctl", "is-active", "khutulun-hello-web-0.service"])
    again = newcomer.run(["make", "setup"], cwd=HOME)
    assert "installing" not in again.stderr
    newcomer.run(["make", "stop"], cwd=HOME)
    assert leftovers.find(newcomer) == []
