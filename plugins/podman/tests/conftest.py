"""What the tests of the Podman driver share: engines that are ready to use, and sites of their nodes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from podman_driver.driver import plugin
from testbed.host import Host

BASE = "localhost/base:1"
HOST_CONFIGURATION = '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]\n'
ROOTLESS_CONFIGURATION = HOST_CONFIGURATION + '[network]\ndefault_rootless_network_cmd = "slirp4netns"\n'
BARE_CONFIGURATION = (
    HOST_CONFIGURATION
    + 'log_driver = "k8s-file"\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
    + '[network]\nnetwork_backend = "netavark"\n'
)
CONFIGURATION = "/etc/containers/containers.conf.d/90-test.conf"
BARE = "mkdir -p /var/lib/containers && mount -t tmpfs -o mode=755 tmpfs /var/lib/containers && rm -rf /etc/cni/net.d"
IMAGE = """
mkdir -p "$1/bin" "$1/etc" "$1/tmp" "$1/var" && cp /bin/busybox "$1/bin/busybox"
for name in $("$1/bin/busybox" --list); do [ "$name" = busybox ] || ln -s busybox "$1/bin/$name"; done
echo root:x:0:0:root:/:/bin/sh >"$1/etc/passwd"; echo root:x:0: >"$1/etc/group"
tar -C "$1" -cf "$1.tar" . && rm -rf "$1"
"""
TUNNEL = "mount -t tmpfs -o mode=755 tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200"
IMPORT = ["podman", "import", "--quiet", "--change", 'CMD ["/bin/sh"]', "--change", "ENV PATH=/bin"]
REGISTRY = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: 127.0.0.1:{port}}}
{more}log: {{level: warn}}
"""


CONFIGURATIONS = {"host": HOST_CONFIGURATION, "rootless": ROOTLESS_CONFIGURATION, "bare": BARE_CONFIGURATION}


def prepare(machine: Any, configuration: str, user: str = "root") -> None:
    """Configure Podman as tests need it, and give it a small image."""
    machine.write(CONFIGURATION, configuration)
    if user != "root":
        machine.run(["sh", "-euc", TUNNEL])
        machine.run(["systemctl", "start", "network-online.target"])  # Quadlet has units of users wait for it
    machine.run(["sh", "-euc", IMAGE, "sh", "/tmp/base"])
    machine.run([*IMPORT, "/tmp/base.tar", BASE], user=user)


@pytest.fixture(scope="module")
def engine(lab: Any) -> Iterator[Host]:
    """A booted host whose Podman is ready; one for all tests of a module."""
    made: Host = lab.boot("podman")
    prepare(made, HOST_CONFIGURATION)
    yield made
    made.remove()


@pytest.fixture
def ready() -> Callable[..., None]:
    """Makes Podman ready on a machine of a kind of `CONFIGURATIONS`, for a user."""

    def make(machine: Any, kind: str, user: str = "root") -> None:
        if kind == "bare":
            machine.run(["sh", "-euc", BARE])
        prepare(machine, CONFIGURATIONS[kind], user)

    return make


@pytest.fixture(scope="module")
def places() -> dict[str, str]:
    """The folders of a Khutulun in the system scope."""
    return {
        "units": "/etc/systemd/system",
        "state": "/var/lib/khutulun",
        "run": "/run/khutulun",
        "home": "/root",
        "artifacts": "/var/lib/khutulun/artifacts",
        "bin": "/opt/khutulun/bin",
        "runtime": "",
    }


CLEAR = """
systemctl stop 'khutulun-*'; rm -f /etc/containers/systemd/khutulun-*; systemctl daemon-reload
systemctl reset-failed; podman pod rm -fa -t 0; podman rm -fa -t 0; podman volume prune -f; podman network prune -f
rm -rf /var/lib/khutulun/podman
podman images --format '{{.Repository}}:{{.Tag}}' | grep localhost/khutulun | xargs -r podman rmi -f
"""
LEFT = """
podman ps --all --format 'container {{.Names}}'; podman pod ps --format 'pod {{.Name}}'
podman volume ls --format 'volume {{.Name}}'; podman network ls --format 'network {{.Name}}' | grep -v ' podman$'
podman secret ls --format 'secret {{.Name}}'; podman images --format '{{.Repository}}' | grep localhost/khutulun
find /etc/containers/systemd /var/lib/khutulun/podman /run/khutulun -name '*hutulun*' 2>/dev/null
ls /var/lib/khutulun/podman 2>/dev/null
systemctl list-units --all --plain --no-legend 'khutulun-*'
"""


@pytest.fixture
def tidy(engine: Host) -> Iterator[None]:
    """After a test nothing of Khutulun is on the host; else it fails, and the next one finds a tidy host."""
    yield
    left = engine.run(["sh", "-c", LEFT], check=False).stdout.strip()
    if left:
        engine.run(["sh", "-c", CLEAR], check=False)
        pytest.fail(f"left on the host: {left}")


@pytest.fixture
def driver(engine: Host, real_host: Any, places: dict[str, str]) -> Any:
    """The driver on the booted host."""
    return real_host(engine, plugin, places)


Node = Callable[..., dict[str, Any]]


@pytest.fixture
def node(make_site: Any, places: dict[str, str]) -> Node:
    """Makes sites of containers: a plain one sleeps."""

    def make(properties: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        given: dict[str, Any] = {"image": BASE, "command": ["sleep", "1000"], "stop": {"timeout": 1.0}}
        kind = more.pop("kind", "Container")
        host = {"paths": places, **more.pop("host", {})}
        if kind != "Container":
            given = {}
        merged = {key: value for key, value in {**given, **(properties or {})}.items() if value is not None}
        found: dict[str, Any] = make_site(merged, kind=kind, host=host, **more)
        return found

    return make
