"""The probe: a plugin that does on demand what plugins do, and what hostile ones try.

An SDK for another language is shown to work by writing this plugin with it and running ``python -m
floria.plugins.conformance`` on the result: it must pass as this one does by every carrier.
"""

import json
import os
import socket
import sys
import time
from typing import Any

from floria_plugin import Context, Permanent, Plugin, Temporary

plugin = Plugin(
    "probe",
    "1.0.0",
    description="Does on demand what plugins do.",
    grants={"commands": [{"program": "echo", "arguments": ["..."], "effect": "query"}]},
)
_calls: list[int] = []


@plugin.function(query=True)
def echo(context: Context, value: Any) -> Any:
    """Return the argument."""
    return value


@plugin.function(query=True)
def site(context: Context) -> Any:
    """Return the site."""
    return context.site


@plugin.function(query=True)
def count(context: Context) -> int:
    """Return how many calls this instance has served."""
    _calls.append(1)
    return len(_calls)


@plugin.function(query=True)
def permanent(context: Context) -> None:
    """Fail for good."""
    raise Permanent("no-good", "for good", {"why": ["because"]})


@plugin.function(query=True)
def temporary(context: Context) -> None:
    """Fail for now."""
    raise Temporary("not-now", "for now")


@plugin.function(query=True)
def bug(context: Context) -> Any:
    """Run into a bug."""
    return dict[str, Any]()["missing"]


@plugin.function(query=True)
def caught(context: Context, *argv: str) -> str:
    """Return the code of the fault that the host answers with."""
    try:
        context.run(*argv)
    except Permanent as fault:
        return fault.code
    return "no fault"


@plugin.function()
def run(context: Context, argv: list[str], options: dict[str, Any] | None = None) -> Any:
    """Run a command."""
    output = context.run(*argv, check=False, **(options or {}))
    return [output.status, output.stdout, output.stderr, output.recorded]


@plugin.function()
def files(context: Context, verb: str, path: str, *more: Any) -> Any:
    """Use the files."""
    result = getattr(context.files, verb)(path, *more)
    return [[entry.name, entry.kind] for entry in result] if verb == "list" else result


@plugin.function()
def graph(context: Context, verb: str, *arguments: Any) -> Any:
    """Use the graph."""
    return getattr(context.graph, verb)(*arguments)


@plugin.function(query=True)
def evaluate(context: Context, expression: Any) -> Any:
    """Evaluate."""
    return context.evaluate(expression)


@plugin.function(query=True)
def secret(context: Context, name: str) -> int:
    """Read a secret, use it in a log, and return its length."""
    value = context.secret(name)
    context.log(f"the secret is {value}")
    return len(value)


@plugin.function()
def with_secret(context: Context, name: str, argv: list[str]) -> str:
    """Run a command with a secret in its input."""
    return context.run(*argv, stdin=context.secret(name)).stdout


@plugin.function()
def http(context: Context, method: str, url: str, body: str | None = None) -> Any:
    """Send a web request."""
    response = context.http.send(method, url, body)
    return [response.status, response.body, response.recorded]


@plugin.function()
def dbus(context: Context, bus: str, *call: Any) -> Any:
    """Call a method on D-Bus."""
    return context.dbus.call(*call, bus=bus)


@plugin.function(query=True)
def log(context: Context, message: str, times: int = 1) -> None:
    """Log."""
    for _ in range(times):
        context.log(message)


@plugin.function(query=True)
def say(context: Context, count: int) -> None:
    """Print, as a library might."""
    print("x" * count)


@plugin.function(query=True)
def loop(context: Context) -> None:
    """Never end."""
    while True:
        pass


@plugin.function(query=True)
def memory(context: Context) -> int:
    """Take all memory."""
    taken = []
    while True:
        taken.append(bytearray(1 << 20))


@plugin.function(query=True)
def deep(context: Context) -> int:
    """Recurse without end."""
    sys.setrecursionlimit(10**9)

    def down(depth: int) -> int:
        return down(depth + 1) + 1

    return down(0)


@plugin.function(query=True)
def sleep(context: Context, seconds: float) -> float:
    """Sleep."""
    began = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - began


@plugin.function(query=True)
def giant(context: Context, size: int) -> str:
    """Return much."""
    return "x" * size


@plugin.function(query=True)
def die(context: Context) -> None:
    """End the instance."""
    os.abort()


@plugin.function(query=True)
def ask(context: Context, times: int) -> None:
    """Make many requests."""
    for _ in range(times):
        context.run("echo")


@plugin.function(query=True)
def environment(context: Context) -> dict[str, str]:
    """Return what is seen of the environment."""
    return dict(os.environ)


@plugin.function(query=True)
def open_file(context: Context, path: str) -> str:
    """Read a file past the host."""
    with open(path) as file:
        return file.read(100)


@plugin.function(query=True)
def list_folder(context: Context, path: str) -> list[str]:
    """List a folder past the host."""
    return os.listdir(path)


@plugin.function(query=True)
def connect(context: Context, host: str, port: int) -> str:
    """Open a socket past the host."""
    with socket.create_connection((host, port), 1):
        return "connected"


@plugin.function(query=True)
def spawn(context: Context, program: str) -> int:
    """Start a program past the host."""
    return os.spawnv(os.P_WAIT, program, [program])


@plugin.function(query=True)
def decode(context: Context, text: str) -> Any:
    """Read JSON."""
    return json.loads(text)
