"""A user's own driver in the place of a built-in one, on a running server (R34)."""

import pytest
from testbed.bare import Bare
from testbed.installation import Installation

MINE = '''
"""Processes as files, for the test: what would run is written down."""

from floria_plugin import Context
from floria_plugin.driver import Driver, Inputs, Result, Site, State

plugin = Driver("mine", "1.0.0", grants={"files": [{"path": "{state}/mine", "access": "write"}]})


def path(site: Site) -> str:
    return f"{site.host.paths['state']}/mine/{site.names['machine']}"


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    context.files.write(path(site), " ".join(site.properties["command"]))
    return Result()


@plugin.verb()
def start(context: Context, site: Site, inputs: Inputs) -> Result:
    return Result(state=State.STARTED)


@plugin.verb()
def stop(context: Context, site: Site, inputs: Inputs) -> Result:
    return Result()


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    context.files.remove(path(site))
    return Result()
'''
SERVICE = """
tosca_definitions_version: tosca_2_0
imports: [ { profile: "khutulun:1.0" } ]
service_template:
  node_templates:
    web:
      type: Process
      properties: { command: [ sleep, infinity ] }
"""
OWN = "      artifacts: { driver: { type: Driver, file: mine } }\n"
FILES = "/var/lib/khutulun/mine"
SUPERVISOR = ["khutulun-supervisor", "--folder", "/var/lib/khutulun/supervisor"]


class Stage:
    """A server on which services of one process are deployed."""

    def __init__(self, khutulun: Installation) -> None:
        self.khutulun, self.machine = khutulun, khutulun.machine
        self.machine.write("/root/plain/service.yaml", SERVICE)
        self.machine.write("/root/own/service.yaml", SERVICE + OWN)
        self.machine.write("/root/mine.py", MINE)

    def realised(self, name: str, design: str = "plain", directory: str = "/") -> str:
        """Deploy a service, say which driver realised it, and take it down again."""
        there = ["--directory", directory]
        self.khutulun.run("service", "deploy", f"/root/{design}/service.yaml", "--name", name, *there)
        shown = self.machine.run([*SUPERVISOR, "show", f"khutulun-{name}-web-0"], check=False)
        found = {"process": shown.status == 0, "mine": self.machine.exists(f"{FILES}/{name}-web-0")}
        self.khutulun.run("service", "undeploy", name, *there)
        assert not self.machine.exists(f"{FILES}/{name}-web-0")
        (driver,) = [each for each, here in found.items() if here]
        return driver

    def pid(self) -> str:
        return self.machine.read("/var/lib/khutulun/lock").strip()


@pytest.mark.system
def test_r34_a_built_in_driver_is_replaced_for_one_service_one_directory_and_everywhere(bare: Bare) -> None:
    """R30, R34: from the next operation on, without a restart; what is taken away again was never lost."""
    with Installation(bare).serving() as khutulun:
        stage = Stage(khutulun)
        pid = stage.pid()
        assert stage.realised("before") == "process"

        khutulun.run("plugin", "add", "/root/mine.py", "--yes")
        assert stage.realised("one", "own") == "mine"
        assert stage.realised("others") == "process"

        khutulun.run("plugin", "add", "/root/mine.py", "--name", "process", "--directory", "/team", "--yes")
        assert stage.realised("below", directory="/team/web") == "mine"
        assert stage.realised("elsewhere", directory="/other") == "process"
        khutulun.run("plugin", "remove", "process", "--directory", "/team")
        assert stage.realised("again", directory="/team/web") == "process"

        khutulun.run("plugin", "add", "/root/mine.py", "--name", "process", "--yes")
        assert stage.realised("everywhere") == "mine"
        assert stage.realised("everywhere-too", directory="/other") == "mine"
        khutulun.run("plugin", "remove", "process")
        assert stage.realised("after") == "process"
        assert stage.pid() == pid
