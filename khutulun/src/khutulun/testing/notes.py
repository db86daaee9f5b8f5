"""A driver for tests: a workload is a file. It counts what is done to it, so that doing something twice shows."""

from floria_plugin import Context, Permanent
from floria_plugin.driver import Difference, Driver, Inputs, Inspection, Result, Site, State, Stream

plugin = Driver(
    "notes",
    "1.0.0",
    grants={
        "commands": [
            {"program": "sh", "arguments": ["-c", "*", "..."], "effect": "change"},
            {"program": "cat", "arguments": ["..."], "effect": "query"},
        ],
        "files": [{"path": "{state}/notes", "access": "write"}],
        "graph": [{"access": "write", "scope": "own"}],
        "secrets": ["named-*"],
    },
)


def path(site: Site) -> str:
    return f"{site.host.paths['state']}/notes/{site.names['machine']}"


def count(context: Context, site: Site, verb: str) -> None:
    """Append a line: the one thing here that is not idempotent."""
    context.run("sh", "-c", 'echo "$1" >>"$2"', "sh", f"{site.names['machine']} {verb}", f"{path(site)}.log")


def text(context: Context, site: Site) -> str:
    """Return what the note holds; the secret that its property `secret` names, if it names one."""
    name = str(site.properties.get("secret") or "")
    return str(site.properties.get("text", "")) + (context.secret(name) if name else "")


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    context.files.make_folder(f"{site.host.paths['state']}/notes")
    count(context, site, "create")
    context.files.write(path(site), text(context, site))
    return Result({"path": path(site), "told": site.properties.get("text", "")})


@plugin.verb()
def start(context: Context, site: Site, inputs: Inputs) -> Result:
    if site.properties.get("broken"):
        raise Permanent("broken", "it is broken")
    count(context, site, "start")
    return Result(state=State.STARTED)


@plugin.verb()
def update(context: Context, site: Site, inputs: Inputs) -> Result:
    count(context, site, "update")
    context.files.write(path(site), text(context, site))
    return Result({"path": path(site), "told": site.properties.get("text", "")})


@plugin.verb()
def adopt(context: Context, site: Site, inputs: Inputs) -> Result:
    """Take a file that exists under another name."""
    existing = str(inputs["existing"])
    if not context.files.exists(f"{site.host.paths['state']}/notes/{existing}"):
        raise Permanent("not-found", f"there is no note {existing!r}")
    return Result(state=State.STARTED, names={"machine": existing}, watch=[existing])


@plugin.verb()
def stop(context: Context, site: Site, inputs: Inputs) -> Result:
    count(context, site, "stop")
    return Result()


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    count(context, site, "delete")
    context.files.remove(path(site))
    return Result()


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
    if not context.files.exists(path(site)):
        return Inspection(exists=False)
    found = context.files.read(path(site))
    expected = str(site.properties.get("text", ""))
    differences = [] if found == expected else [Difference("text", expected, found)]
    return Inspection(exists=True, differences=differences)


@plugin.verb()
def logs(context: Context, site: Site, inputs: Inputs) -> Stream:
    return Stream(["cat", f"{path(site)}.log"])


@plugin.verb("exec")
def execute(context: Context, site: Site, inputs: Inputs) -> Stream:
    return Stream([str(word) for word in inputs["argv"]])


@plugin.function()
def shout(context: Context, inputs: Inputs) -> str:
    count(context, Site.of(context.site), f"shout {inputs.get('word', '')}")
    return str(inputs.get("word", "")).upper()


@plugin.function()
def measure(context: Context, inputs: Inputs) -> dict[str, object]:
    site = Site.of(context.site)
    count(context, site, "measure")
    return {"outputs": {"size": len(context.files.read(path(site)))}}


@plugin.function()
def complain(context: Context, inputs: Inputs) -> None:
    """Fail until there is a file that calms."""
    site = Site.of(context.site)
    if not context.files.exists(f"{path(site)}.calm"):
        raise Permanent("complaint", "it is not calm")
    count(context, site, "complain")


@plugin.function()
def meet(context: Context, inputs: Inputs) -> None:
    """End when the other one of two is here: at the two ends of a pipe."""
    site = Site.of(context.site)
    program = 'if [ "$1" = speak ]; then echo hello >"$2"; else read line <"$2"; fi'
    context.run("sh", "-c", program, "sh", str(inputs["how"]), f"{site.host.paths['state']}/notes/{inputs['where']}")


@plugin.function(query=True)
def title(context: Context, text: str) -> str:
    return text.title()


@plugin.function()
def wait(context: Context, inputs: Inputs) -> str:
    """Return when somebody writes into the pipe `gate`."""
    return context.run("sh", "-c", 'read line <"$1"; echo "$line"', "sh", str(inputs["gate"])).stdout
