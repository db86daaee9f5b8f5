"""Programs are delivered and installed before they are started (R3)."""

import hashlib
import io
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from process_driver.driver import plugin as process
from program_driver.driver import plugin

from floria_plugin.faults import Permanent

pytestmark = pytest.mark.system

STATE = "/var/lib/khutulun"
OWN = f"{STATE}/programs/hello-app-0"
BIN = str(Path(sys.executable).parent)
PLACES = {"state": STATE, "artifacts": f"{STATE}/artifacts", "bin": BIN, "units": "/x"}
HOST = {"init": "none", "paths": {**PLACES, "runtime": ""}}
RUN = "#!/bin/sh\necho installed and started\n"


def _tar(path: Path, text: str = RUN) -> None:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("app-1.0/bin/run")
        member.size, member.mode = len(text), 0o755
        archive.addfile(member, io.BytesIO(text.encode()))


def _zip(path: Path, text: str = RUN) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("app-1.0/bin/run")
        member.external_attr = 0o755 << 16
        archive.writestr(member, text)


def _installer(path: Path) -> None:
    text = '#!/bin/sh\nset -e\nmkdir -p "$PREFIX/app-1.0/bin"\n'
    text += (
        'printf \'#!/bin/sh\\necho installed and started\\n\' > "$1/app-1.0/bin/run"\nchmod 755 "$1/app-1.0/bin/run"\n'
    )
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def deliver(bare: Any, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Puts a package where the agent would, and returns the site's artifacts."""

    def deliver(name: str, make: Callable[[Path], None]) -> dict[str, Any]:
        make(tmp_path / name)
        target = f"{STATE}/artifacts/hello/{name}"
        bare.run(["mkdir", "-p", target.rpartition("/")[0]])
        bare.copy_in(tmp_path / name, target)
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        return {name: {"file": name, "path": target, "digest": f"sha256:{digest}"}}

    return deliver


@pytest.fixture
def driver(bare: Any, real_host: Any) -> Any:
    return real_host(bare, plugin, PLACES)


@pytest.mark.parametrize(
    ("name", "make"),
    [("app.tar.gz", _tar), ("app.zip", _zip), ("app.run", _installer)],
    ids=["tar", "zip", "installer"],
)
def test_r3_a_program_is_installed_started_and_removed(
    bare: Any, driver: Any, real_host: Any, make_site: Any, deliver: Any, name: str, make: Any
) -> None:
    site = make_site(node="app", kind="Program", host=HOST, artifacts=deliver(name, make))
    assert driver.call("create", site)["attributes"] == {"capability/installation": {"path": OWN}}
    done = len(driver.changes)
    driver.call("create", site)
    assert [argv for argv in driver.changes[done:] if argv[0] != "test"] == []
    edge = {"name": "program", "target": {"node": "app", "properties": {"path": OWN}}}
    job = make_site({"command": ["./app-1.0/bin/run"]}, kind="Job", host=HOST, edges=[edge])
    runner = real_host(bare, process, PLACES)
    runner.call("create", job)
    runner.call("start", job)
    assert bare.run(runner.call("logs", job)["argv"]).stdout == "installed and started\n"
    runner.call("delete", job)
    inspected = driver.call("inspect", site)
    assert (inspected["exists"], inspected["state"]) == (True, "started")
    for _ in range(2):
        driver.call("delete", site)
    assert bare.run(["ls", f"{STATE}/programs"]).stdout == ""
    inspected = driver.call("inspect", site)
    assert (inspected["exists"], inspected["state"]) == (False, "stopped")


def test_r3_a_debian_package(bare: Any, driver: Any, make_site: Any, deliver: Any) -> None:
    control = "Package: khutulun-example\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: an example\n"
    bare.write("/tmp/deb/DEBIAN/control", control)
    bare.write("/tmp/deb/opt/example/run", RUN)
    bare.run(["mkdir", "-p", f"{STATE}/artifacts/hello"])
    path = f"{STATE}/artifacts/hello/example_1_all.deb"
    bare.run(["dpkg-deb", "--build", "--root-owner-group", "/tmp/deb", path])
    artifacts = {"package": {"file": "example_1_all.deb", "path": path}}
    site = make_site(node="app", kind="Program", host=HOST, artifacts=artifacts)
    for _ in range(2):
        driver.call("create", site)
    assert bare.read("/opt/example/run") == RUN
    driver.call("delete", site)
    assert not bare.exists("/opt/example/run")
    bare.run(["dpkg", "--install", path])
    with pytest.raises(Permanent, match="installed already, by somebody else"):
        driver.call("create", site)
    driver.call("delete", site)
    assert bare.exists("/opt/example/run")


def test_a_changed_package_takes_the_place_of_the_old_one(bare: Any, driver: Any, make_site: Any, deliver: Any) -> None:
    properties = {"destination": "/opt/app", "strip": 1}
    site = make_site(properties, node="app", kind="Program", host=HOST, artifacts=deliver("app.tar.gz", _tar))
    driver.call("create", site)
    assert bare.read("/opt/app/bin/run") == RUN
    changed = deliver("app.tar.gz", lambda path: _tar(path, "new"))
    driver.call("update", {**site, "artifacts": changed})
    assert bare.read("/opt/app/bin/run") == "new"
    driver.call("delete", site)
    assert not bare.exists("/opt/app")


def test_what_was_there_before_is_left_alone(bare: Any, driver: Any, make_site: Any, deliver: Any) -> None:
    bare.write("/opt/app/mine", "mine")
    artifacts = deliver("app.tar.gz", _tar)
    site = make_site({"destination": "/opt/app"}, node="app", kind="Program", host=HOST, artifacts=artifacts)
    with pytest.raises(Permanent, match="/opt/app exists already"):
        driver.call("create", site)
    driver.call("delete", site)
    assert bare.read("/opt/app/mine") == "mine"


def test_a_broken_package_leaves_nothing(bare: Any, driver: Any, make_site: Any, deliver: Any) -> None:
    artifacts = deliver("app.tar.gz", lambda path: path.write_bytes(b"no archive") and None)
    site = make_site(node="app", kind="Program", host=HOST, artifacts=artifacts)
    with pytest.raises(Permanent, match="tar --extract"):
        driver.call("create", site)
    assert not bare.exists(OWN)


def test_a_program_without_its_package_is_refused(driver: Any, make_site: Any) -> None:
    with pytest.raises(Permanent, match="needs one artifact `package`"):
        driver.call("create", make_site(node="app", kind="Program", host=HOST))
