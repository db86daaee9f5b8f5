"""Pods, volumes, networks, images, faults and reboots on a booted host (R7, R50-R54, R61)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from podman_driver.driver import plugin

from floria_plugin.faults import Fault

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("tidy")]

NAME = "hello-web-0"
BASE = "localhost/base:1"


def edge(name: str, target: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """Return an edge of a site."""
    return {"name": name, "properties": properties, "target": target}


def to(node: str, **properties: Any) -> dict[str, Any]:
    names = {"machine": f"hello-{node}-0", "unit": f"khutulun-hello-{node}-0.service"}
    return {"service": "hello", "node": node, "properties": properties, "names": names}


@pytest.mark.parametrize("units", ["auto", "never"])
def test_r1_a_pod_of_two_containers_and_a_volume(engine: Any, driver: Any, node: Any, units: str) -> None:
    port = edge("port", to("http", address="127.0.0.1", port=18090, protocol="tcp"), port=80)
    pod = node({"units": units}, kind="Pod", node="pod", edges=[port])
    data = node(kind="Volume", node="data")
    inside = [edge("pod", to("pod")), edge("volume", to("data", volume="hello-data-0"), path="/www")]
    script = "until [ -f /www/index.html ]; do sleep 0.1; done; exec httpd -f -p 80 -h /www"
    web = node({"units": units, "command": ["sh", "-c", script]}, edges=inside)
    writer = ["sh", "-c", "echo from the pod >/www/index.html; exec sleep 1000"]
    side = node({"units": units, "command": writer}, node="side", edges=inside)
    for site in (data, pod):
        for verb in ("create", "create"):
            driver.call(verb, site)
    assert driver.call("start", pod)["attributes"]["capability/endpoint"]["authority"] == "127.0.0.1:18090"
    driver.call("start", pod)
    for site in (web, side):
        driver.call("create", site)
        driver.call("start", site)
    command = [
        "curl",
        "-sS",
        "--retry",
        "120",
        "--retry-all-errors",
        "--retry-delay",
        "1",
        "http://127.0.0.1:18090/index.html",
    ]
    assert engine.run(command).stdout == "from the pod\n"
    for site in (pod, web, side, data):
        site["entity"]["state"] = "started"
        assert driver.call("inspect", site)["differences"] == []
    assert (
        engine.run(["podman", "pod", "ps", "--format", "{{.Name}} {{.NumberOfContainers}}"]).stdout == "hello-pod-0 3\n"
    )
    engine.run(["podman", "stop", "-t", "0", "hello-side-0"])
    for site in (web, side, pod, data):
        if site is not data:
            driver.call("stop", site)
        for _ in range(2):
            driver.call("delete", site)


def test_r7_a_network_in_which_containers_find_each_other(engine: Any, driver: Any, node: Any) -> None:
    network = node({"internal": True, "subnet": "10.77.0.0/24"}, kind="Network", node="net")
    driver.call("create", network)
    driver.call("create", network)
    link = [edge("network", to("net", network="hello-net-0"))]
    named = [edge("network", to("net", network="hello-net-0"), alias="website")]
    web = node({"command": ["sh", "-c", "echo hi >/tmp/index.html; exec httpd -f -p 80 -h /tmp"]}, edges=named)
    client = node({"command": ["sleep", "1000"]}, node="client", edges=link)
    for site in (web, client):
        driver.call("create", site)
        driver.call("start", site)
    get = "until wget -qO- http://website/index.html; do sleep 0.2; done"
    assert engine.run(["podman", "exec", "hello-client-0", "timeout", "120", "sh", "-c", get]).stdout == "hi\n"
    with pytest.raises(Fault, match="cannot change its internal"):
        driver.call("update", node({"subnet": "10.77.0.0/24"}, kind="Network", node="net"))
    for site in (web, client, network):
        driver.call("delete", site)


def artifact(engine: Any, kind: str, path: str, **more: Any) -> dict[str, Any]:
    """Return an artifact of a site for a file on the host."""
    digest = engine.run(["sha256sum", path]).stdout.split()[0]
    file = path.removeprefix("/var/lib/khutulun/artifacts/hello/")
    return {
        "file": file,
        "path": path,
        "digest": f"sha256:{digest}",
        "classes": [f"khutulun.containers:1.0::{kind}"],
        **more,
    }


def test_r7_images_from_archives_root_filesystems_and_containerfiles(engine: Any, driver: Any, node: Any) -> None:
    files = "/var/lib/khutulun/artifacts/hello"
    engine.run(["mkdir", "-p", f"{files}/web"])
    engine.run(["podman", "tag", BASE, "example.org/app:7"])
    engine.run(["podman", "save", "--quiet", f"--output={files}/app.tar", "example.org/app:7"])
    engine.run(["podman", "untag", "example.org/app:7", "example.org/app:7"])
    engine.run(["cp", "/tmp/base.tar", f"{files}/root.tar"])
    engine.write(f"{files}/web/Containerfile", f"FROM {BASE}\nARG WHO\nCOPY page /page\nRUN echo $WHO >>/page\n")
    engine.write(f"{files}/web/page", "built for ")
    images = {
        "archive": {"image": artifact(engine, "ImageArchive", f"{files}/app.tar")},
        "root": {"image": artifact(engine, "RootFilesystem", f"{files}/root.tar")},
        "built": {
            "image": artifact(engine, "Containerfile", f"{files}/web/Containerfile", arguments={"WHO": "you"}),
            "page": artifact(engine, "File", f"{files}/web/page"),
        },
    }
    for name, artifacts in images.items():
        command = ["/bin/sleep", "1000"]
        site = node({"image": None, "command": command}, node=name, artifacts=artifacts)
        attributes = driver.call("create", site)["attributes"]
        driver.call("start", site)
        assert attributes["image_name"].startswith(f"localhost/khutulun/hello-{name}:")
        assert attributes["image_digest"] == ""
        if name == "built":
            assert engine.run(["podman", "exec", "hello-built-0", "cat", "/page"]).stdout == "built for you\n"
            engine.write(f"{files}/web/page", "now for ")
            artifacts["page"] = artifact(engine, "File", f"{files}/web/page")
            before, site = (
                attributes["image_name"],
                node({"image": None, "command": command}, node=name, artifacts=artifacts),
            )
            assert driver.call("update", site)["attributes"]["image_name"] != before
            assert engine.run(["podman", "exec", "hello-built-0", "cat", "/page"]).stdout == "now for you\n"
            assert before.encode() not in engine.run(["podman", "images"]).stdout.encode()
        driver.call("delete", site)
    shown = engine.run(["podman", "images", "--format", "{{.Repository}}"]).stdout.split()
    assert set(shown) <= {"localhost/base", "localhost/podman-pause"}
    engine.write(f"{files}/bad.tar", "this is no archive\n")
    for kind in ("ImageArchive", "RootFilesystem"):
        with pytest.raises(Fault) as failed:
            driver.call(
                "create", node({"image": None}, artifacts={"image": artifact(engine, kind, f"{files}/bad.tar")})
            )
        assert failed.value.code == "archive-broken", failed.value
    engine.run(["rm", "-rf", files])


def test_r7_representations_that_are_made_at_once_are_of_one_image(engine: Any, driver: Any, node: Any) -> None:
    files = "/var/lib/khutulun/artifacts/hello"
    engine.run(["mkdir", "-p", files])
    engine.run(["cp", "/tmp/base.tar", f"{files}/root.tar"])
    engine.write(f"{files}/Containerfile", f"FROM {BASE}\nRUN head -c 16 /dev/urandom >/made\n")
    for kind, file in (("Containerfile", "Containerfile"), ("RootFilesystem", "root.tar")):
        given = {"image": artifact(engine, kind, f"{files}/{file}")}
        sites = [
            node(
                {"image": None, "command": ["/bin/sleep", "1000"]},
                artifacts=given,
                index=index,
                names={"unit": f"khutulun-hello-web-{index}.service", "machine": f"hello-web-{index}", "labels": {}},
            )
            for index in range(3)
        ]
        with ThreadPoolExecutor(len(sites)) as at_once:
            made = list(at_once.map(lambda site: driver.call("create", site)["attributes"], sites))
        assert len({one["image_id"] for one in made}) == 1, kind
        driver.call("start", sites[0])
        assert driver.call("inspect", sites[0])["differences"] == []
        for site in sites:
            driver.call("delete", site)
        assert engine.run(["podman", "images", "--all", "--filter=dangling=true", "--quiet"]).stdout == "", kind
    engine.run(["rm", "-rf", files])


REGISTRY = """version: 0.1
storage: {filesystem: {rootdirectory: /srv/registry}, delete: {enabled: true}}
http: {addr: 127.0.0.1:%d}
log: {level: error}
%s
"""
PASSWORD = "auth: {htpasswd: {realm: test, path: /srv/passwords}}"
HASHED = "ada:$2y$05$N9Izb9JS5nDdGpUZlJWwAOTXC9nVDVDSdGTDBWqnZbSCw0Te8tK9y\n"


@pytest.fixture
def registry(engine: Any) -> Any:
    """A registry on the host's loopback address, and how to end it."""
    engine.write("/srv/registry.yml", REGISTRY % (5005, ""))
    engine.run(["systemd-run", "--quiet", "--unit=registry", "docker-registry", "serve", "/srv/registry.yml"])
    engine.run(
        ["curl", "-sS", "--retry", "120", "--retry-connrefused", "--retry-delay", "1", "http://127.0.0.1:5005/v2/"]
    )
    engine.run(["podman", "push", "--quiet", "--tls-verify=false", BASE, "127.0.0.1:5005/app:1"])
    yield
    engine.run(["systemctl", "stop", "registry"], check=False)


def test_r7_images_of_a_registry_and_what_can_be_wrong_with_them(
    engine: Any, driver: Any, node: Any, registry: Any
) -> None:
    image, plain = "127.0.0.1:5005/app:1", {"tls": False}
    site = node({"image": image, "registry": plain})
    digest = driver.call("create", site)["attributes"]["image_digest"]
    assert digest.startswith("sha256:")
    driver.call("start", site)
    kinds = ("vnd.oci.image.manifest.v1+json", "vnd.docker.distribution.manifest.v2+json")
    accept = [word for kind in kinds for word in ("-H", f"Accept: application/{kind}")]
    told = engine.run(["curl", "-sSI", *accept, "http://127.0.0.1:5005/v2/app/manifests/1"]).stdout
    served = next(line for line in told.splitlines() if line.lower().startswith("docker-content-digest")).split()[1]
    engine.run(["podman", "build", "--quiet", "--tag", "changed", "-"], input=f"FROM {BASE}\nRUN touch /new\n")
    engine.run(["podman", "push", "--quiet", "--tls-verify=false", "localhost/changed", image])
    newer = node({"image": image, "registry": plain, "pull": "newer"})
    assert driver.call("update", newer)["attributes"]["image_digest"] != digest
    engine.run(["podman", "exec", NAME, "test", "-e", "/new"])
    driver.call("delete", newer)
    fixed = node({"image": image, "registry": plain, "digest": served})
    assert driver.call("create", fixed)["attributes"]["image_digest"] == served
    driver.call("start", fixed)
    driver.call("delete", fixed)
    wrong = {
        "image-missing": {"image": "127.0.0.1:5005/nothing:1", "registry": plain},
        "registry-unreachable": {"image": "127.0.0.1:5006/app:1", "registry": plain},
        "digest-wrong": {"image": "127.0.0.1:5005/app:1", "registry": plain, "digest": f"sha256:{'0' * 64}"},
    }
    for code, properties in wrong.items():
        for units in ("auto", "never"):
            with pytest.raises(Fault) as failed:
                driver.call("create", node({**properties, "units": units}))
            assert failed.value.code == code
            assert isinstance(failed.value.detail, dict)
            assert failed.value.detail["hint"]
    with pytest.raises(Fault, match="not on the host, and pull is never"):
        driver.call("create", node({"image": "127.0.0.1:5005/app:3", "pull": "never"}))
    with pytest.raises(Fault, match="does not speak TLS"):
        driver.call("create", node({"image": "127.0.0.1:5005/nothing:1"}))
    engine.run(["podman", "image", "rm", "--force", image, "localhost/changed"])
    engine.run(["podman", "image", "prune", "--force"])


@pytest.mark.parametrize("units", ["auto", "never"])
def test_what_does_not_start_says_why_and_starts_when_that_is_mended(
    engine: Any, driver: Any, node: Any, units: str
) -> None:
    wrong: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
        ("volume-missing", {"mounts": [{"path": "/x", "folder": "/srv/later"}]}, [], ["mkdir", "-p", "/srv/later"]),
        ("command-missing", {"command": ["/no/such/program"]}, [], []),
        ("device-missing", {"devices": ["/dev/later"]}, [], ["mknod", "/dev/later", "c", "1", "3"]),
        ("user-missing", {"user": "nobody-of-this-name"}, [], []),
        (
            "port-in-use",
            {"ports": [{"port": 80, "host_port": 18099}]},
            ["systemd-run", "--quiet", "--unit=taker", "python3", "-m", "http.server", "18099", "--bind", "127.0.0.1"],
            ["systemctl", "stop", "taker"],
        ),
        ("network-missing", {"network": "later"}, [], ["podman", "network", "create", "later"]),
    ]
    for code, properties, before, mend in wrong:
        site = node({"units": units, "restart": {"policy": "never"}, **properties})
        if before:
            engine.run(before)
            engine.run(
                [
                    "sh",
                    "-c",
                    "curl -sSo /srv/listing --retry 120 --retry-connrefused --retry-delay 1 http://127.0.0.1:18099/",
                ]
            )
        with pytest.raises(Fault) as failed:
            driver.call("create", site)
            driver.call("start", site)
            pytest.fail(f"it starts in spite of {code}")
        assert failed.value.code == code, str(failed.value)
        assert isinstance(failed.value.detail, dict)
        assert failed.value.detail["hint"]
        if mend:
            engine.run(mend)
            driver.call("create", site)
            driver.call("start", site)
            assert engine.run(["podman", "inspect", "--format", "{{.State.Status}}", NAME]).stdout == "running\n"
        driver.call("delete", site)
    engine.run(["sh", "-c", "rmdir /srv/later; rm /dev/later; podman network rm later"])


def test_a_container_that_ends_at_once_says_what_it_wrote(engine: Any, driver: Any, node: Any) -> None:
    properties = {
        "command": ["sh", "-c", "echo no such table >&2; exit 3"],
        "restart": {"policy": "never"},
        "units": "never",
    }
    driver.call("create", node(properties))
    with pytest.raises(Fault, match="ended at once with 3: no such table"):
        driver.call("start", node(properties))
    driver.call("delete", node(properties))
    engine.run(["podman", "run", "--detach", f"--name={NAME}", BASE, "sleep", "1000"])
    with pytest.raises(Fault, match="another container, pod or volume has that name"):
        driver.call("create", node({"units": "never"}))
    engine.run(["podman", "rm", "--force", "--time=0", NAME])


def _shown(host: Any, unit: str, properties: str) -> dict[str, str]:
    lines = host.run(["systemctl", "show", f"--property={properties}", unit]).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_r52_everything_comes_back_after_a_reboot_without_khutulun(
    lab: Any, ready: Any, real_host: Any, node: Any, places: Any
) -> None:

    host = lab.boot("podman-reboot")
    ready(host, "host")
    driver = real_host(host, plugin, places)
    pod = node(kind="Pod", node="pod")
    quadlet = node({"health": {"command": ["true"], "interval": 1.0}}, edges=[edge("pod", to("pod"))])
    plain = node({"units": "never", "restart": {"policy": "always"}}, node="plain")
    never = node({"units": "never", "restart": {"policy": "never"}}, node="never")
    first = ["khutulun-hello-pod-0.service", "khutulun-hello-web-0.service"]
    second = node(node="second", after=first, edges=[edge("pod", to("pod"))])
    sites = [pod, quadlet, second, plain, never]
    for site in sites:
        driver.call("create", site)
        driver.call("start", site)
    host.reboot()
    host.run(["systemctl", "start", "podman-restart.service"])
    shown = host.run(["podman", "ps", "--format", "{{.Names}}", "--filter", "label=khutulun.service"]).stdout.split()
    assert {"hello-web-0", "hello-plain-0"} <= set(shown)
    assert "hello-never-0" not in shown
    host.run(["systemctl", "is-system-running", "--wait"], check=False)
    properties = "Wants,ActiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic"
    web, then = (_shown(host, unit, properties) for unit in (first[1], "khutulun-hello-second-0.service"))
    assert set(then["Wants"].split()) & set(first) == {first[1]}, "what a container needs of its pod is Podman's to say"
    assert 0 < int(web["ActiveEnterTimestampMonotonic"]) <= int(then["ExecMainStartTimestampMonotonic"])
    for site in (quadlet, second, pod, plain, never):
        driver.call("delete", site)
    assert host.run(["podman", "ps", "--all", "--quiet"]).stdout == ""
    host.remove()


def test_a_full_storage_is_told_and_a_retry_works_when_there_is_space(engine: Any, driver: Any, node: Any) -> None:
    files = "/var/lib/khutulun/artifacts/hello"
    engine.run(["mkdir", "-p", files])
    engine.run(["podman", "save", "--quiet", f"--output={files}/app.tar", BASE])
    image = artifact(engine, "ImageArchive", f"{files}/app.tar")
    site = node({"image": None, "units": "never"}, artifacts={"image": image})
    engine.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/var/lib/containers/storage"])
    with pytest.raises(Fault) as failed:
        driver.call("create", site)
    engine.run(["umount", "/var/lib/containers/storage"])
    assert failed.value.code == "no-space", str(failed.value)
    driver.call("create", site)
    driver.call("start", site)
    driver.call("delete", site)
    engine.run(["rm", "-rf", files])
