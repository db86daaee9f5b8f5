"""A driver for tests whose workloads say by a named pipe what becomes of them, also while they are being started."""

from floria_plugin import Context
from floria_plugin.driver import Difference, Driver, Event, Host, Inputs, Inspection, Result, Site, State, Stream

plugin = Driver(
    "fickle",
    "1.0.0",
    grants={
        "commands": [{"program": "sh", "arguments": ["-c", "*", "..."], "effect": "change"}],
        "files": [{"path": "{state}", "access": "read", "pattern": "looked"}],
    },
)


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    return Result()


@plugin.verb()
def start(context: Context, site: Site, inputs: Inputs) -> Result:
    """Return when somebody writes into the pipe `gate`, if there is one."""
    context.run("sh", "-c", 'if [ -p "$1" ]; then read line <"$1"; fi', "sh", f"{site.host.paths['state']}/gate")
    return Result()


@plugin.verb()
def stop(context: Context, site: Site, inputs: Inputs) -> Result:
    return Result()


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    return Result()


@plugin.verb("exec")
def execute(context: Context, site: Site, inputs: Inputs) -> Stream:
    return Stream([str(word) for word in inputs["argv"]])


@plugin.verb()
def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    return Stream(["sleep", "1000"])


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
    """Tell what it is asked as, and the state in the file `looked`, if there is one."""
    asked = str(site.raw["entity"]["state"])
    file = f"{site.host.paths['state']}/looked"
    state = context.files.read(file) if context.files.exists(file) else ""
    return Inspection(exists=True, state=state, differences=[Difference("asked as", "", asked)])


@plugin.source("pipe", command=["sh", "-c", 'exec cat <>"$1"', "sh", "{state}/events"])
def pipe(context: Context, host: Host, line: str) -> list[Event]:
    """Translate ``MACHINE EVENT STATE [TIME]``."""
    machine, event, state, *at = line.split()
    time = int(at[0]) if at else None
    return [Event(event, machine=machine, state=None if state == "-" else State(state), time=time)]
