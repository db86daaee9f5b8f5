"""R36: what drivers share: sites, verbs, results, sources."""

import json

import pytest

from floria_plugin import Context
from floria_plugin.driver import (
    Difference,
    Driver,
    Event,
    Host,
    Inputs,
    Inspection,
    Readiness,
    Result,
    Site,
    State,
    Stream,
)
from floria_plugin.testing import FakeHost

SITE = {
    "entity": {"properties": {"seconds": 5}},
    "service": "hello",
    "node": "web",
    "index": 2,
    "names": {"unit": "khutulun-hello-web-2.service", "labels": {"khutulun.node": "web"}},
    "host": {"name": "box", "init": "systemd", "scope": "user", "paths": {"state": "/s"}, "of the future": 1},
    "artifacts": {"program": {"file": "a.tgz", "path": "/s/a.tgz", "classes": ["x"]}},
    "event": None,
    "edges": [{"name": "server", "target": {"service": "hello", "node": "db", "properties": {"port": 1}}}],
}


@pytest.fixture
def driver() -> Driver:
    made = Driver("sleeper", "1.0.0", readiness=[Readiness.NOTIFY], artifacts=["example:1.0::Nap"])

    @made.verb()
    def start(context: Context, site: Site, inputs: Inputs) -> Result:
        """Start it."""
        context.run("systemctl", "start", site.names["unit"])
        return Result({"seconds": site.properties["seconds"], "input": inputs.get("x")}, State.STARTED)

    @made.verb()
    def stop(context: Context, site: Site, inputs: Inputs) -> None:
        """Stop it."""

    @made.verb()
    def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
        """Look."""
        return Inspection(True, State.STARTED, differences=[Difference("x", 1, 2)])

    @made.verb()
    def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
        """Show the log."""
        return Stream(["journalctl", "-u", site.names["unit"]])

    @made.source("units", command=["watch"], when={"init": "systemd"}, filter="failed")
    def units(context: Context, host: Host, line: str) -> list[Event]:
        return [Event("failed", unit=json.loads(line)["unit"], state=State.FAILED)] if host.systemd else []

    @made.source("bus", dbus={"bus": "scope", "match": ["type='signal'"]})
    def bus(context: Context, host: Host, line: str) -> None:
        return None

    return made


def test_verbs_get_the_site_and_return_plain_data(driver: Driver) -> None:
    host = FakeHost(commands={("systemctl", "start", "khutulun-*"): ""})
    found = host.call(driver, "start", SITE, [{"x": 7}])
    assert found == {"attributes": {"seconds": 5, "input": 7}, "state": "started"}
    assert host.argvs == [["systemctl", "start", "khutulun-hello-web-2.service"]]
    assert FakeHost().call(driver, "stop", SITE) == {"attributes": {}}
    inspection = FakeHost().call(driver, "inspect", SITE, [{}])
    assert inspection["differences"] == [{"what": "x", "expected": 1, "found": 2}]
    assert inspection["exists"] is True
    assert FakeHost().call(driver, "logs", SITE)["argv"][0] == "journalctl"


def test_sites_are_read() -> None:
    site = Site.of(SITE)
    assert (site.service, site.node, site.index) == ("hello", "web", 2)
    assert site.labels == {"khutulun.node": "web"}
    assert (site.host.systemd, site.host.system, site.host.paths["state"]) == (True, False, "/s")
    assert site.artifacts["program"].path == "/s/a.tgz"
    assert site.artifacts["program"].classes == ["x"]
    assert site.edges_named("server")[0].target.properties == {"port": 1}
    assert site.edges_named("other") == []
    assert Site.of({}).host.name == "localhost"


def test_sources_are_declared_and_translated(driver: Driver) -> None:
    manifest = driver.describe()
    assert [source["name"] for source in manifest["sources"]] == ["units", "bus"]
    assert manifest["sources"][0]["filter"] == "failed"
    assert manifest["readiness"] == ["notify"]
    assert manifest["functions"]["translate"]["query"]
    site = {"source": "units", "host": {"init": "systemd"}}
    lines = ['{"unit": "a"}', '{"unit": "b"}']
    found = FakeHost().call(driver, "translate", site, lines)
    assert [(event["event"], event["unit"], event["state"]) for event in found] == [
        ("failed", n, "failed") for n in "ab"
    ]
    assert FakeHost().call(driver, "translate", {"source": "bus"}, ["{}"]) == []


def test_verbs_that_only_look_are_queries(driver: Driver) -> None:
    functions = driver.describe()["functions"]
    assert {name for name, function in functions.items() if function["query"]} == {"inspect", "logs", "translate"}
    assert functions["start"]["description"] == "Start it."


def test_a_source_is_a_command_or_dbus() -> None:
    with pytest.raises(ValueError, match="either a command or a D-Bus match"):
        Driver("x", "1").source("both", command=["a"], dbus={"match": "b"})
