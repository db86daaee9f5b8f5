"""The options that commands share, and the types of their arguments."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from khutulun import model
from khutulun.cli import contexts
from khutulun.cli.output import Output
from khutulun.client import Client


class Remote(NamedTuple):
    """The server that a command talks to, the directory it works in, and how it answers."""

    client: Client
    directory: str
    output: Output


class Target(NamedTuple):
    """A service, or a node of it."""

    service: str
    node: str | None


class ServiceName(click.ParamType[str]):
    """The name of a service; completed from the server's."""

    name = "service"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).strip():
            self.fail("a service has a name.", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            found = _remote(ctx.params)
            services = found.client.services(found.directory)
        except model.Refused:
            return []  # nothing to complete from
        return [CompletionItem(service.name) for service in services if service.name.startswith(incomplete)]


class TargetType(click.ParamType[Target]):
    """SERVICE/NODE, or with `whole` also SERVICE; completed from the server's."""

    name = "service/node"

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        service, slash, node = str(value).partition("/")
        if not service or (slash and not node) or (not slash and not self._whole):
            self.fail(f"{value!r} is not {'SERVICE or ' if self._whole else ''}SERVICE/NODE.", param, ctx)
        return Target(service, node or None)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        service, slash, node = incomplete.partition("/")
        if not slash:
            return [
                CompletionItem(item.value if self._whole else f"{item.value}/")
                for item in ServiceName().shell_complete(ctx, param, service)
            ]
        try:
            found = _remote(ctx.params)
            nodes = found.client.service(service, found.directory).nodes
        except model.Refused:
            return []  # nothing to complete from
        return [CompletionItem(f"{service}/{item.name}") for item in nodes if item.name.startswith(node)]


SERVICE = ServiceName()
NODE = TargetType()
SERVICE_OR_NODE = TargetType(whole=True)


FORMATS = (Output.HUMAN, Output.JSON, Output.YAML)


def connected(
    function: Callable[..., Any] | None = None, *, outputs: tuple[Output, ...] = FORMATS
) -> Callable[..., Any]:
    """Give a command the options of a client, and a `Remote` as its first argument.

    Without `outputs` there is no `--output`: the command passes on the bytes of a program.
    """
    if function is None:
        return functools.partial(connected, outputs=outputs)
    command = function

    @_output(outputs)
    @click.option(
        "-d",
        "--directory",
        envvar="KHUTULUN_DIRECTORY",
        metavar="DIRECTORY",
        help="The directory (namespace) to work in.  [default: the context's, else /]",
    )
    @click.option(
        "--socket",
        type=click.Path(path_type=Path, readable=False),
        envvar="KHUTULUN_SOCKET",
        help="The server's socket.",
    )
    @click.option(
        "--context", envvar="KHUTULUN_CONTEXT", metavar="NAME", help="system, user, or one of contexts.yaml.",
    )  # fmt: skip
    @functools.wraps(command)
    def wrapper(**parameters: Any) -> Any:
        remote = _remote(parameters)
        for name in ("output", "directory", "socket", "context"):
            parameters.pop(name, None)
        return command(remote, **parameters)

    decorated: Callable[..., Any] = wrapper
    return decorated


def _output(outputs: tuple[Output, ...]) -> Callable[..., Any]:
    if not outputs:
        return lambda command: command
    return click.option(
        "-o",
        "--output",
        type=click.Choice([output.value for output in outputs]),
        default=Output.HUMAN.value,
        show_default=True,
        envvar="KHUTULUN_OUTPUT",
        help="For people, or the whole answer for scripts.",
    )


def _remote(parameters: dict[str, Any]) -> Remote:
    socket, directory = parameters.get("socket"), parameters.get("directory")
    context = contexts.find(parameters.get("context"))
    return Remote(
        Client(socket or Path(context.socket or "")),
        directory or context.directory,
        Output(parameters.get("output") or Output.HUMAN),
    )
