"""Podman is killed in the middle of something: what it left half-made does not stay, and a retry works (R7, R14)."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from podman_driver.driver import plugin

from floria_plugin.faults import Fault

NAME = "hello-web-0"
BASE = "localhost/base:1"

# Kills Podman while it makes a container: when the storage is there, and the container is not. Whatever happened in the
# first attempts that were too slow or too fast is taken back.
CREATE = """
storage() { podman ps --all --external --format '{{.Names}} {{.Status}}' | grep -q "^$name Storage"; }
for word in "$@"; do case "$word" in --name=*) name=${word#--name=} ;; esac; done
folder=/var/lib/containers/storage/overlay-containers
for attempt in $(seq 300); do
    before=$(ls $folder)
    podman "$@" >/dev/null 2>&1 & podman=$!
    while [ "$(ls $folder)" = "$before" ] && kill -0 $podman 2>/dev/null; do :; done
    kill -KILL $podman 2>/dev/null
    wait $podman
    if storage; then exit 137; fi
    podman rm --force --ignore "$name" >/dev/null
done
echo 'it was never killed in time' >&2
exit 1
"""
# Kills Podman while it builds: when the working container says so, which goes on until `GO`
BUILD = """
shift
mkdir -p /srv/hold
mkfifo /srv/hold/begun /srv/hold/go
podman build --volume=/srv/hold:/hold "$@" >/srv/hold/told 2>&1 & podman=$!
timeout 240 cat /srv/hold/begun || cat /srv/hold/told >&2
kill -KILL $podman
wait $podman
"""
HELD = "if [ -p /hold/begun ]; then echo >/hold/begun; cat /hold/go; fi"
GO = "if [ -p /srv/hold/go ]; then echo 1<>/srv/hold/go; fi; rm -rf /srv/hold"
# Kills Podman when it has begun to lay something down; what was done before it could be killed is taken back
LOAD = """
for last in "$@"; do :; done
for attempt in $(seq 300); do
    podman "$@" >/dev/null 2>&1 & podman=$!
    while [ -z "$(ls -A "$TMPDIR")" ] && kill -0 $podman 2>/dev/null; do :; done
    kill -KILL $podman 2>/dev/null
    wait $podman
    if [ $? = 137 ] && ! podman image exists "$last" 2>/dev/null; then exit 137; fi
    podman rmi --force "$last" >/dev/null 2>&1
done
echo 'it was never killed in time' >&2
exit 1
"""
# Kills Podman at once
POD = 'podman "$@" >/dev/null 2>&1 & podman=$!; kill -KILL $podman; wait $podman'
LEFT = """
podman ps --all --external --format 'container {{.Names}}'; podman pod ps --format 'pod {{.Name}}'
podman images --format '{{.Repository}}' | grep khutulun
ls /var/lib/khutulun/podman 2>/dev/null
"""
TEMPORARY = "ls -A /var/tmp | grep -E 'buildah|container_images'"


@pytest.fixture
def killing(real_host: Any) -> Callable[..., Any]:
    """Makes drivers whose Podman is killed the first time that it does something."""

    def make(machine: Any, places: dict[str, str], what: str, script: str) -> Any:
        class Killing(real_host):  # type: ignore[misc]
            killed = False

            def _run(self, argv: list[str], env: Any = None, text: str | None = None) -> Any:
                words = argv[8:] if argv[0] == "flock" else argv[1:]
                if not self.killed and " ".join(words).startswith(what):
                    self.killed = True
                    argv = ["sh", "-c", script, "sh", *words]
                return super()._run(argv, env, text)

        return Killing(machine, plugin, places)

    return make


def refused(driver: Any, site: dict[str, Any]) -> None:
    """Have something made whose maker is killed."""
    with pytest.raises(Fault, match="podman was killed before it was done") as failed:
        driver.call("create", site)
    assert failed.value.retryable
    assert isinstance(failed.value.detail, dict)
    assert "service resume" in failed.value.detail["hint"]


def left(machine: Any) -> str:
    return str(machine.run(["sh", "-c", LEFT], check=False).stdout)


def archive(machine: Any, file: str, kind: str) -> dict[str, Any]:
    path = f"/var/lib/khutulun/artifacts/hello/{file}"
    classes = [f"khutulun.containers:1.0::{kind}"]
    return {"image": {"file": file, "path": path, "digest": f"sha256:{file}", "classes": classes}}


@pytest.mark.host
@pytest.mark.usefixtures("tidy")
def test_r14_podman_is_killed_while_it_makes_a_container(
    engine: Any, killing: Any, node: Any, places: dict[str, str]
) -> None:
    site = node({"units": "never"})
    driver = killing(engine, places, "create", CREATE)
    refused(driver, site)
    assert left(engine) == ""
    driver.call("create", site)
    driver.call("start", site)
    driver.call("delete", site)
    engine.run(["sh", "-c", CREATE, "sh", "create", f"--name={NAME}", BASE], check=False)
    assert left(engine) == f"container {NAME}\n", "as when the host was killed, too"
    driver.call("create", site)
    driver.call("delete", site)
    engine.run(["sh", "-c", CREATE, "sh", "create", f"--name={NAME}", BASE], check=False)
    driver.call("delete", site)
    assert left(engine) == ""
    engine.run(["sh", "-c", CREATE, "sh", "create", f"--name={NAME}", BASE], check=False)
    unit = node()
    driver.call("create", unit)
    driver.call("start", unit)
    driver.call("delete", unit)
    pod = node({"units": "never"}, kind="Pod", node="pod")
    driver = killing(engine, places, "pod create", POD)
    refused(driver, pod)
    assert left(engine) == ""
    driver.call("create", pod)
    driver.call("start", pod)
    driver.call("delete", pod)


@pytest.mark.host
@pytest.mark.usefixtures("tidy")
def test_r14_podman_is_killed_while_it_makes_an_image(
    engine: Any, killing: Any, node: Any, places: dict[str, str]
) -> None:
    files = "/var/lib/khutulun/artifacts/hello"
    engine.run(["mkdir", "-p", files])
    engine.write(f"{files}/Containerfile", f"FROM {BASE}\nRUN {HELD}; echo built >/made\n")
    engine.run(["podman", "save", "--quiet", f"--output={files}/app.tar", BASE])
    ways = [
        ("build", BUILD, archive(engine, "Containerfile", "Containerfile")),
        ("load", LOAD, archive(engine, "app.tar", "ImageArchive")),
        ("import", LOAD, archive(engine, "app.tar", "RootFilesystem")),
    ]
    for what, script, artifacts in ways:
        site = node({"image": None, "command": ["/bin/sleep", "1000"]}, artifacts=artifacts)
        driver = killing(engine, places, what, script)
        refused(driver, site)
        assert left(engine) == "", what
        assert engine.run(["sh", "-c", TEMPORARY], check=False).stdout == "", what
        engine.run(["sh", "-c", GO])
        driver.call("create", site)
        driver.call("delete", site)
        assert left(engine) == "", what
    engine.run(["rm", "-rf", files])


@pytest.mark.system
def test_r14_podman_is_killed_where_there_is_no_systemd(
    bare: Any, ready: Any, killing: Any, node: Any, places: dict[str, str]
) -> None:
    ready(bare, "bare")
    places = {**places, "bin": str(Path(sys.executable).parent)}
    host = {"init": "none", "paths": places}
    site = node({"restart": {"policy": "never"}}, host=host)
    driver = killing(bare, places, "create", CREATE)
    refused(driver, site)
    assert left(bare) == ""
    driver.call("create", site)
    driver.call("delete", site)
    bare.run(["sh", "-c", CREATE, "sh", "create", f"--name={NAME}", BASE], check=False)
    driver.call("create", site)
    driver.call("delete", site)
    assert left(bare) == ""
