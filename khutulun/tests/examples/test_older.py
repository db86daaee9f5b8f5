"""Services of TOSCA 1.x, in the style in which people publish them, on real processes (R86)."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .test_deployed import ROOT, Server

REAL = ROOT / "puccini" / "tests" / "dialects" / "real"
LOG = "/tmp/khutulun-real.log"

pytestmark = pytest.mark.system


@pytest.fixture
def server(bare: Any) -> Iterator[Server]:
    made = Server(bare)
    yield made
    made.close()


def file(name: str) -> str:
    return str(Path(REAL) / name)


def follow(server: Server, holds: Callable[[], bool]) -> None:
    """Follow the service's events until something holds, which each event may have brought about."""
    command = ["khutulun", "service", "events", "real", "--follow"]
    popen = server.machine.popen(command, stdout=subprocess.PIPE).popen
    try:
        for _ in popen.stdout:
            if holds():
                return
    finally:
        popen.kill()
        popen.communicate()
    raise AssertionError("the events ended")


def test_r86_published_services_are_deployed(server: Server) -> None:
    """Old and new styles, volumes, substitution by flavour, machines by filters: each starts, and goes again."""
    substitutes = ("--substitutes", file("substitution/small.yaml"), "--substitutes", file("substitution/large.yaml"))
    for name, options in (
        ("heat/lamp.yaml", ()),
        ("heat/selectable.yaml", ()),
        ("winery/service.tosca", ()),
        ("substitution/service.yaml", substitutes),
    ):
        server.deploy(file(name), "real", *options)
        assert "started" in server.run("service", "show", "real")
        if options:
            assert server.output("real", "address") == "10.0.0.2"
        server.undeploy("real")
    assert server.run("service", "list", "--output", "json").split() in (["[]"], ['{"services":[]}'])


def test_r86_relationships_triggers_and_outputs_act(server: Server) -> None:
    """All that a relationship has is done, `target_changed` too; a trigger acts where and when it says."""
    server.deploy(file("deployed/service.yaml"), "real")
    machine = server.machine
    assert server.output("real", "load") == "1"
    written = machine.read(LOG).splitlines()
    for who in ("first", "second"):
        own = [line.split()[0] for line in written if line.endswith(f" {who}") and "target_changed" not in line]
        assert own == ["create", "pre_configure_source", "post_configure_source", "add_source"]
    machine.run(["rm", LOG])
    server.run("service", "run", "real", "measure")
    assert server.output("real", "load") == "2"
    wanted = {"target_changed first", "target_changed second"}
    follow(server, lambda: machine.exists(LOG) and set(machine.read(LOG).splitlines()) == wanted)
    machine.run(["rm", LOG])
    server.run("event", "emit", "example.ring", "real/first")
    follow(server, lambda: machine.exists(LOG) and "create first" in machine.read(LOG))
    server.undeploy("real")
    after = machine.read(LOG).splitlines()
    assert after.count("create first") == 1
    assert "create second" not in after
    assert sorted(after)[1:] == ["remove_target first", "remove_target second", "stop first", "stop second"]
