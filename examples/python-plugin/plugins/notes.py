"""A driver in one page: its workloads are text files. It runs in the sandbox as it is; nothing is built."""

from floria_plugin import Context
from floria_plugin.driver import Difference, Driver, Inputs, Inspection, Result, Site, State

plugin = Driver(
    "notes",
    "1.0.0",
    description="Text files in Khutulun's folder of notes.",
    grants={"files": [{"path": "{state}/notes", "access": "write"}]},
)


def _path(site: Site) -> str:
    return f"{site.host.paths['state']}/notes/{site.names['machine']}.txt"


def _text(site: Site) -> str:
    return f"{site.properties['text']}\n"


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    """Write the note."""
    context.files.write(_path(site), _text(site))
    return Result({"path": _path(site)})


@plugin.verb()
def update(context: Context, site: Site, inputs: Inputs) -> Result:
    """Write the note again."""
    context.files.write(_path(site), _text(site))
    return Result({"path": _path(site)})


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    """Remove the note."""
    context.files.remove(_path(site))
    return Result()


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
    """Compare the note with what it should say."""
    if not context.files.exists(_path(site)):
        return Inspection(False, State.INITIAL)
    found = context.files.read(_path(site))
    differences = [] if found == _text(site) else [Difference("text", _text(site), found)]
    return Inspection(True, State.CREATED, {"path": _path(site)}, differences)
