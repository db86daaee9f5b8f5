"""A driver that `khutulun plugin new` has made: it passes the kit at once, and becomes another technology (R36)."""

import pytest
from testbed import checkout
from testbed.bare import Bare
from testbed.installation import Installation

PIPES = '''
"""The driver `pipes`: named pipes, with the permissions that are asked for."""

from floria_plugin import Context
from floria_plugin.driver import Difference, Driver, Inputs, Inspection, Result, Site, State

FOLDER = "/run/pipes"

plugin = Driver(
    "pipes",
    "1.0.0",
    grants={
        "commands": [
            {"program": "mkdir", "arguments": ["-p", FOLDER], "effect": "change"},
            {"program": "mkfifo", "arguments": ["--mode=*", f"{FOLDER}/*"], "effect": "change"},
            {"program": "chmod", "arguments": ["*", f"{FOLDER}/*"], "effect": "change"},
            {"program": "rm", "arguments": ["-f", f"{FOLDER}/*"], "effect": "change"},
            {"program": "stat", "arguments": ["--format=*", f"{FOLDER}/*"], "effect": "query"},
        ]
    },
)


def path(site: Site) -> str:
    return f"{FOLDER}/{site.names['machine']}"


def mode(context: Context, site: Site) -> str:
    found = context.run("stat", "--format=%F %a", path(site), check=False)
    return found.stdout.strip().removeprefix("fifo ") if found.ok else ""


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    context.run("mkdir", "-p", FOLDER)
    if not mode(context, site):
        context.run("mkfifo", f"--mode={site.properties['mode']}", path(site))
    return Result({"path": path(site)}, State.CREATED)


@plugin.verb()
def update(context: Context, site: Site, inputs: Inputs) -> Result:
    context.run("chmod", site.properties["mode"], path(site))
    return Result({"path": path(site)})


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    context.run("rm", "-f", path(site))
    return Result()


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
    found, wanted = mode(context, site), site.properties["mode"]
    differences = [Difference("mode", wanted, found)] if found and found != wanted else []
    return Inspection(bool(found), State.CREATED, {"path": path(site)}, differences)
'''
UNUSED = ("start", "stop", "adopt", "logs", "exec")


@pytest.mark.system
def test_r36_a_new_driver_passes_the_kit_at_once(bare: Bare) -> None:
    bare.run(["khutulun", "plugin", "new", "my-tool", "--directory", "/root"])
    checked = bare.run(["khutulun", "plugin", "check", "/root/my-tool"], check=False)
    assert checked.status == 0, checked.stdout + checked.stderr
    assert " 0 false," in checked.stdout


@pytest.mark.system
def test_r36_a_new_driver_becomes_another_technology_without_a_change_elsewhere(bare: Bare) -> None:
    """The repository is read-only on this machine: all that changes is the driver's own folder."""
    assert bare.run(["touch", f"{checkout.ROOT}/README.md"], check=False).status != 0
    bare.run(["khutulun", "plugin", "new", "pipes", "--directory", "/root"])
    bare.write("/root/pipes/plugin.py", PIPES)
    for file in ("profiles/pipes/1.0/profile.yaml", "examples/greeting/service.yaml"):
        text = bare.read(f"/root/pipes/{file}").replace("text", "mode").replace("Good morning", '"640"')
        lines = [line for line in text.splitlines() if line.strip().partition(":")[0] not in UNUSED]
        bare.write(f"/root/pipes/{file}", "\n".join(lines) + "\n")
    bare.run(["mkdir", "-p", "/etc/khutulun"])
    bare.run(["cp", "-r", "/root/pipes/profiles", "/etc/khutulun/profiles"])
    with Installation(bare).serving() as khutulun:
        khutulun.run("plugin", "add", "/root/pipes/plugin.py", "--yes")
        khutulun.run("service", "deploy", "/root/pipes/examples/greeting/service.yaml", "--name", "pipe")
        path = khutulun.json("service", "outputs", "pipe")["path"]["value"]
        assert bare.run(["stat", "--format=%F %a", path]).stdout == "fifo 640\n"
        bare.run(["chmod", "600", path])
        assert "640" in khutulun.run("service", "validate", "pipe", check=False).stdout
        khutulun.run("service", "update", "pipe", "--input", "mode='660'")
        assert bare.run(["stat", "--format=%F %a", path]).stdout == "fifo 660\n"
        khutulun.run("service", "undeploy", "pipe")
        assert not bare.exists(path)
