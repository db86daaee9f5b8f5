"""The examples in docs/cli.md, docs/api.md and in every help text are commands that exist and requests that work."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from khutulun.api import frames, problems
from khutulun.api.limits import Limits
from khutulun.api.routes import BY_NAME
from khutulun.cli import application
from khutulun.client import connection
from khutulun.testing.conductor import FakeConductor

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "cli.md").read_text()
API = (DOCS / "api.md").read_text()


def console(page: str) -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def commands(line: str) -> Iterator[list[str]]:
    """Yield the arguments of each `khutulun` in a line of shell."""
    for part in line.replace('"$(', "| ").replace(')"', "").split("|"):
        words = shlex.split(part.split(" > ")[0])
        if words and words[0] == "khutulun":
            yield words[1:]


def helps(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    yield from re.findall(r"^\s+((?:tar|curl|khutulun) .*)$", command.help or "", re.MULTILINE)
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from helps(found, (*path, name))


@pytest.mark.parametrize("line", [*console(PAGE), *helps(application.khutulun)])
def test_an_example_is_a_command_that_exists(line: str) -> None:
    found = list(commands(line))
    assert found
    for arguments in found:
        parse(application.khutulun, arguments)


def parse(command: click.Command, arguments: list[str], parent: click.Context | None = None) -> None:
    """Raise `click.UsageError` when the arguments are not those of the command."""
    if isinstance(command, click.Group):
        context = click.Context(command, parent, info_name=command.name)
        name, found, rest = command.resolve_command(context, arguments)
        assert found is not None, name
        parse(found, rest, context)
    else:
        command.make_context(command.name, list(arguments), parent)


def described(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, by its name."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(click.Context(command)):
        found = command.get_command(click.Context(command), name)
        assert found is not None
        yield from described(found, f"{path} {name}".strip())


COMMANDS = dict(described(application.khutulun))


@pytest.mark.parametrize("name", COMMANDS)
def test_r101_every_command_is_on_the_page(name: str) -> None:
    shown = {" ".join(words) for line in console(PAGE) for words in commands(line)}
    assert any(f"{line} ".startswith(f"{name} ") for line in shown)


@pytest.mark.parametrize("name", COMMANDS)
def test_r101_every_option_is_on_the_page(name: str) -> None:
    """Those of one command in its row, those of many in the table of all."""
    rows = {cells[1].strip(" `"): cells[2] for line in PAGE.splitlines() if len(cells := line.split("|")) == 4}
    wanted = {
        max(option.opts, key=len)
        for option in COMMANDS[name].params
        if isinstance(option, click.Option) and not option.hidden
    }
    told = f"{rows.get(name, '')} {rows.get('every command', '')}"
    assert {option for option in wanted if f"`{option}" not in told} == set()
    assert set(re.findall(r"`(--[a-z-]+)", rows.get(name, ""))) <= wanted


@pytest.mark.parametrize("line", console(API))
def test_an_example_of_the_api_works(line: str, conductor: FakeConductor, hello: str, socket: Path) -> None:
    method, target, body, headers = request(line)
    for _ in range(2 if "rotated" in line else 1):
        with connection.request(socket, method, target, body, headers) as response:
            assert response.status < 300
            if "event-stream" not in str(headers):
                assert response.read()


def request(line: str) -> tuple[str, str, bytes | None, dict[str, str]]:
    words = iter(shlex.split(line)[1:])
    method, target, body, headers = "", "", None, {}
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-d":
                body = next(words).encode()
                json.loads(body)
            case "--data-binary":
                body = next(words).encode()
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "--unix-socket":
                assert next(words) == "$SOCKET"
            case "-N":
                pass
            case _:
                target = word.removeprefix("http://localhost")
    return method or ("POST" if body else "GET"), target, body, headers


def test_the_page_has_the_numbers_of_the_code() -> None:
    limits = Limits()
    assert f"{limits.body >> 20} MiB of JSON, {limits.upload >> 20} MiB of upload" in API
    assert f"{frames.WINDOW >> 10} KiB of stdin" in API
    assert frames.MEDIA_TYPE in API
    for channel in frames.Channel:
        assert re.search(rf"\b{channel.value} {channel.name.lower()}\b", API)
    assert BY_NAME["execute"].path in API
    shown = re.search(r"```json\n(.*?)```", API, re.DOTALL)
    assert shown
    assert msgspec.convert(json.loads(shown[1]), problems.Problems).status == 400
