"""The driver `sample`: texts that are kept in one folder and put up in another.

A stand-in for a technology of your own. What is *available* is a file, what is *enabled* is a link to it, as web
servers have their sites. Exchange what each verb does; the rest of the folder follows.
"""

from floria_plugin import Context, Permanent
from floria_plugin.driver import Difference, Driver, Event, Host, Inputs, Inspection, Result, Site, State, Stream
from floria_plugin.streams import Program, Reading
from floria_plugin.workload import state_differences, told

FOLDER = "{state}/sample"  # the host puts its own folder in place of {state}
FILE, LINK = f"{FOLDER}/available/*", f"{FOLDER}/enabled/*"

plugin = Driver(
    "sample",
    "0.1.0",
    description="Texts that are kept in one folder and put up in another.",
    # All that it may do. A command is a query or a change by what stands here, and plans follow from that.
    grants={
        "commands": [
            {
                "program": "ln",
                "arguments": ["-sfn", FILE, LINK],
                "effect": "change",
            },
            {"program": "rm", "arguments": ["-f", LINK], "effect": "change"},
            {"program": "test", "arguments": ["-L", LINK], "effect": "query"},
        ],
        "files": [{"path": FOLDER, "access": "write"}],
    },
)


def folder(site: Site) -> str:
    return f"{site.host.paths['state']}/sample"


def available(site: Site) -> str:
    """Return the file: `names` are the workload's own on this host, also when it was adopted under another name."""
    return f"{folder(site)}/available/{site.names['machine']}"


def enabled(site: Site) -> str:
    return f"{folder(site)}/enabled/{site.names['machine']}"


def is_enabled(context: Context, site: Site) -> bool:
    return context.run("test", "-L", enabled(site), check=False).ok


def text(site: Site) -> str:
    """Return what the user wants, from the node's properties."""
    return f"{site.properties['text']}\n"


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    """Make what is needed, without starting it. Every verb may be called again, with the same result."""
    context.files.make_folder(f"{folder(site)}/enabled")
    context.files.write(available(site), text(site))
    return Result({"path": available(site)})


@plugin.verb()
def start(context: Context, site: Site, inputs: Inputs) -> Result:
    """Put it up."""
    context.run("ln", "-sfn", available(site), enabled(site))
    return Result({"path": available(site)}, State.STARTED)


@plugin.verb()
def stop(context: Context, site: Site, inputs: Inputs) -> Result:
    """Take it down."""
    if is_enabled(context, site):
        context.run("rm", "-f", enabled(site))
    return Result(state=State.STOPPED)


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    """Remove everything that `create` has made, and the folders with the last one."""
    context.files.remove(available(site))
    for each in (f"{folder(site)}/available", f"{folder(site)}/enabled", folder(site)):
        if context.files.exists(each) and not context.files.list(each):
            context.files.remove(each)
    return Result()


@plugin.verb()
def update(context: Context, site: Site, inputs: Inputs) -> Result:
    """Apply changed properties. What is as it should be is not touched."""
    context.files.write(available(site), text(site))
    return Result({"path": available(site)})


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
    """Read what really is, and how it differs from what is wanted. Changes nothing."""
    if not context.files.exists(available(site)):
        return Inspection(False, State.INITIAL)
    found = context.files.read(available(site))
    differences = [] if found == text(site) else [Difference("text", text(site), found)]
    up = is_enabled(context, site)
    state = State.STARTED if up else State.STOPPED
    differences += state_differences(site, up, state, "enabled", "available")
    return Inspection(True, told(site, True, state), {"path": available(site)}, differences)


@plugin.verb()
def adopt(context: Context, site: Site, inputs: Inputs) -> Result:
    """Take what is there already under another name, as it is."""
    existing = str(inputs["existing"])
    if not context.files.exists(f"{folder(site)}/available/{existing}"):
        hint = f"`ls {folder(site)}/available` lists what there is"
        raise Permanent("not-found", f"there is no text {existing!r}", {"hint": hint})
    return Result({"path": f"{folder(site)}/available/{existing}"}, names={"machine": existing}, watch=[existing])


@plugin.verb()
def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Say how its log is read: a command, whose output is passed on as it comes."""
    return Stream(["tail", *Reading.of(inputs).options(everything="--lines=+1"), available(site)])


@plugin.verb("exec")
def execute(context: Context, site: Site, inputs: Inputs) -> Stream:
    """Say how a program is run in its surroundings: here, in its folder and with its name in the environment."""
    return Stream(Program.of(inputs).argv, {"SAMPLE": available(site)}, folder(site))


# Each line of this command's output becomes a call of the function below; nothing is ever polled. It begins with all
# that has happened, so nothing is missed while Khutulun is off: an event with an `id` that is known is told once.
@plugin.source("events", command=["tail", "--lines=+1", "--follow=name", "--retry", "{run}/sample.events"])
def events(context: Context, host: Host, line: str) -> list[Event]:
    """Translate ``ID NAME EVENT``, as in ``1764800000 hello-greeting-0 failed``."""
    id, machine, event = line.split()
    return [Event(event, machine=machine, id=id, state=State(event))]
