"""A service of a pod, containers and a bare process, rootless, as its user deploys it (R1, R30, R36, R45, R46, R85)."""

import json
from typing import Any

import pytest
from podman_driver.driver import plugin
from testbed import checkout
from testbed.installation import Installation

from floria_plugin.faults import Fault

pytestmark = pytest.mark.host

TUNNEL = "mount -t tmpfs -o mode=755 tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200"
EXAMPLE = str(checkout.ROOT / "plugins/podman/examples/containers/service.yaml")
USER = "worker"
BASE = "localhost/base:1"
BACK = "XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user is-system-running --wait"
AT_BOOT = """[Unit]
Before=systemd-user-sessions.service
[Service]
Type=oneshot
ExecStart=sh -euc '{tunnel}'
[Install]
WantedBy=multi-user.target
"""
WEBS = ["app-web-0", "app-web-1", "app-web-2"]


@pytest.fixture
def rootless(lab: Any, ready: Any) -> Any:
    """A host whose ordinary user has a Podman that is ready."""
    made = lab.boot("podman-rootless")
    made.log_in(USER)
    ready(made, "rootless", USER)
    made.write("/etc/systemd/system/tunnel.service", AT_BOOT.format(tunnel=TUNNEL))
    made.run(["systemctl", "enable", "tunnel.service"])
    made.run(["systemctl", "add-wants", "multi-user.target", "network-online.target"])
    yield made
    made.remove()


def podman(host: Any, *words: str, check: bool = True) -> str:
    return str(host.run(["podman", *words], user=USER, check=check).stdout)


def versions(host: Any) -> list[str]:
    return [podman(host, "exec", name, "cat", "/www/version").strip() for name in WEBS]


def started(host: Any) -> list[str]:
    return [podman(host, "inspect", "--format", "{{.Id}}", name).strip() for name in WEBS]


def test_r1_r7_r30_r45_r85_an_application_of_containers_for_one_user(rootless: Any) -> None:
    with Installation(rootless, USER).serving() as khutulun:
        given = ["--name", "app", "--input", f"base={BASE}"]
        plan = khutulun.run("service", "plan", EXAMPLE, *given, check=False)
        assert plan.status == 2, plan
        assert "build --quiet" in plan.stdout
        assert ".config/containers/systemd/khutulun-app-web-2.container" in plan.stdout
        khutulun.run("service", "deploy", EXAMPLE, *given)
        assert versions(rootless) == ["first"] * 3
        assert "the database has three records" in khutulun.run("logs", "app/client").stdout
        assert khutulun.run("service", "validate", "app").stdout.strip() == "no differences"
        assert len(set(podman(rootless, "inspect", "--format", "{{.Image}}", *WEBS).split())) == 1
        assert khutulun.run("service", "plan", EXAMPLE, *given, check=False).status == 0
        done = khutulun.run("exec", "app/web-1", "--", "sh", "-c", "echo $VERSION; exit 7", check=False)
        assert (done.status, done.stdout) == (7, "first\n")

        before = started(rootless)
        khutulun.run("service", "update", "app", "--input", "version=second")
        assert versions(rootless) == ["second"] * 3
        after = started(rootless)
        assert not set(before) & set(after)
        failed = khutulun.run("service", "update", "app", "--input", "version=broken", check=False)
        assert failed.status != 0
        khutulun.wait_for_event("app", "rollback-done", "execution")
        assert "health check" in failed.stdout + failed.stderr
        assert versions(rootless) == ["second"] * 3
        assert started(rootless)[1:] == after[1:]  # only the first was ever touched

        podman(rootless, "exec", "app-web-1", "sh", "-c", "kill -9 2", check=False)
        khutulun.wait_for_event("app", "restarted")
        script = khutulun.run("history", "app", "--script").stdout
        assert "daemon-reload" in script
    rootless.reboot()  # Khutulun is off from here on
    rootless.run(["sh", "-c", BACK], user=USER, check=False)
    assert versions(rootless) == ["second"] * 3
    assert podman(rootless, "pod", "ps", "--format", "{{.Name}} {{.Status}}") == "app-data-0 Running\n"
    with Installation(rootless, USER).serving() as khutulun:
        khutulun.run("service", "undeploy", "app")
        assert json.loads(podman(rootless, "ps", "--all", "--format", "json") or "[]") == []
        assert podman(rootless, "pod", "ps", "--quiet") == ""
        assert podman(rootless, "volume", "ls", "--quiet") == ""
        assert "khutulun" not in podman(rootless, "images")


def test_r7_a_user_without_subordinate_ids_is_told_what_to_do(rootless: Any, real_host: Any, node: Any) -> None:
    home = "/home/worker"
    places = {
        "units": f"{home}/.config/systemd/user",
        "state": f"{home}/.local/state/khutulun",
        "run": "/run/user/1000/khutulun",
        "home": home,
        "artifacts": f"{home}/.local/state/khutulun/artifacts",
        "bin": "/opt/khutulun/bin",
        "runtime": "/run/user/1000",
    }
    driver = real_host(rootless, plugin, places, USER)
    host = {"scope": "user", "user": USER, "paths": places}
    rootless.run(["sh", "-c", ": >/etc/subuid; : >/etc/subgid"])
    rootless.run(["podman", "system", "migrate"], user=USER, check=False)
    files = f"{home}/.local/state/khutulun/artifacts/hello"
    rootless.run(["mkdir", "-p", files], user=USER)
    rootless.run(["cp", "/tmp/base.tar", f"{files}/owned.tar"], user=USER)
    rootless.run(
        [
            "sh",
            "-c",
            f"mkdir -p /tmp/o/etc; touch /tmp/o/etc/x; chown 7:7 /tmp/o/etc/x; tar -C /tmp/o -cf {files}/owned.tar .",
        ]
    )
    image = {"file": "owned.tar", "path": f"{files}/owned.tar", "digest": "sha256:1", "classes": ["c::RootFilesystem"]}
    site = node({"image": None, "units": "never"}, host=host, artifacts={"image": image})
    with pytest.raises(Fault) as failed:
        driver.call("create", site)
    assert failed.value.code == "no-subuids", str(failed.value)
    assert isinstance(failed.value.detail, dict)
    assert "usermod --add-subuids" in failed.value.detail["hint"]
    assert podman(rootless, "ps", "--all", "--external", "--quiet", check=False) == ""
    rootless.run(["usermod", "--add-subuids", "100000-165535", "--add-subgids", "100000-165535", USER])
    podman(rootless, "system", "migrate")
    driver.call("create", site)
    driver.call("delete", site)
    assert podman(rootless, "ps", "--all", "--external", "--quiet") == ""
