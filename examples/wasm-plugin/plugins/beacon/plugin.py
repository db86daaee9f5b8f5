"""The source of the driver `beacon`; `make` builds it into the component that the archive carries."""

from floria_plugin import Context
from floria_plugin.driver import Driver, Inputs, Inspection, Result, Site, State

plugin = Driver(
    "beacon",
    "1.0.0",
    description="Tells the kernel of the machine.",
    grants={"commands": [{"program": "uname", "arguments": ["-sr"], "effect": "query"}]},
)


def _kernel(context: Context) -> str:
    return context.run("uname", "-sr").stdout.strip()


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    """Read the kernel's name and release."""
    return Result({"kernel": _kernel(context)})


@plugin.verb()
def update(context: Context, site: Site, inputs: Inputs) -> Result:
    """Read them again."""
    return Result({"kernel": _kernel(context)})


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
    """Read them now."""
    return Inspection(True, State.CREATED, {"kernel": _kernel(context)})
