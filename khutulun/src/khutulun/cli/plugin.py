"""`khutulun plugin …`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from khutulun import model
from khutulun.cli import grants, output, text
from khutulun.cli.options import Remote, connected

if TYPE_CHECKING:
    from khutulun.testing.drivers.description import Row
    from khutulun.testing.drivers.report import Result

CARRIERS = {".wasm": "wasm", ".py": "python", ".run": "executable"}


@click.group()
def plugin() -> None:
    """Plugins: drivers, functions and event sources, built in or your own."""


@plugin.command("list")
@connected
def list_plugins(remote: Remote) -> None:
    """List the plugins that a directory sees."""
    output.show(remote.output, list[model.PluginInfo], remote.client.plugins(remote.directory), _table)


@plugin.command()
@click.argument("name")
@connected
def show(remote: Remote, name: str) -> None:
    """Show a plugin: where it comes from, its functions, and what it is granted."""
    output.show(remote.output, model.PluginInfo, remote.client.plugin(name, remote.directory), _details)


@plugin.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-n", "--name", help="The name in this directory; the name of a built-in replaces it there.")
@click.option("--carrier", type=click.Choice(sorted(CARRIERS.values())), help="What FILE is.  [default: by its suffix]")
@grants.option
@connected
def add(remote: Remote, file: Path, name: str | None, carrier: str | None, yes: bool) -> None:
    """Add the plugin in FILE: a Wasm component (.wasm), Python source (.py), or an executable (.run).

    What it asks for is shown first, and you are asked.

    \b
    Examples:
      khutulun plugin add blink.py
      khutulun plugin add my-process.wasm --name process --directory /team
    """
    carrier = carrier or _carrier(file)
    content = _content(file)
    found = _inspected(remote, file, content, carrier)
    if found.grants or found.full_access:
        grants.ask([grants.Wanted(name or found.name, found.grants, found.full_access)], yes=yes)
    added = remote.client.add_plugin(content, carrier, name, remote.directory)
    output.show(remote.output, model.PluginInfo, added, lambda p: [f"{p.name} {p.version} is there, in {p.directory}"])


@plugin.command()
@click.argument("name")
@connected
def remove(remote: Remote, name: str) -> None:
    """Remove a plugin from a directory; a built-in that it replaced is back."""
    remote.client.remove_plugin(name, remote.directory)
    output.show(remote.output, dict[str, str], {"removed": name}, lambda _: [f"{name} is removed"])


@plugin.command()
@click.argument("name")
@click.option("--directory", "place", type=click.Path(path_type=Path), default=".", help="Where to make it.")
def new(name: str, place: Path) -> None:
    """Make a folder NAME with a driver to begin with: one that works, and passes 'khutulun plugin check'.

    It has the driver in one file, TOSCA types, an example, a page and tests. Exchange what each verb does.

    \b
    Examples:
      khutulun plugin new blink
      khutulun plugin new blink --directory plugins
    """
    from khutulun import scaffold

    folder = scaffold.make(name, place)
    for file, _ in scaffold.files(name):
        click.echo(folder / file)
    click.echo(f"hint: try it with 'khutulun plugin check {folder}', then change {folder / 'plugin.py'}", err=True)


@plugin.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--plugin", "file", type=click.Path(path_type=Path), help="Its file.  [default: made from FOLDER]")
@click.option("--only", multiple=True, metavar="ROW", help="Check this alone. Can be given several times.")
@click.option("-o", "--output", "shown", type=click.Choice(["human", "json"]), default="human", show_default=True)
def check(folder: Path, file: Path | None, only: tuple[str, ...], shown: str) -> int:
    """Try the driver in FOLDER with the conformance kit: every verb, kills, faults, names, and what is left behind.

    It runs on this machine, with the real tool, and with a server of its own. FOLDER holds tests/kit/kit.yaml, which
    says how the driver's work is seen. The exit code is 0 when everything is as it should be.

    \b
    Examples:
      khutulun plugin check plugins/process
      khutulun plugin check blink --only events --only killed
    """
    from khutulun.testing.drivers import description, kit, report

    rows = [_row(name) for name in only]
    driver = description.read(folder)
    found = kit.run(driver, description.plugin(driver, file), rows, _told if shown == "human" else lambda _: None)
    output.show(output.Output(shown), report.Report, found, lambda found: report.lines(found)[-1:])
    return 0 if found.good else 1


def _row(name: str) -> "Row":
    from khutulun.testing.drivers.description import Row

    try:
        return Row(name)
    except ValueError:
        raise click.UsageError(f"there is no row {name!r}; there are {', '.join(Row)}") from None


def _told(result: "Result") -> None:
    from khutulun.testing.drivers import report

    click.echo(f"{report.line(result)} ({result.seconds} s)")


def _carrier(file: Path) -> str:
    if file.suffix not in CARRIERS:
        raise model.refuse(
            "unknown-carrier",
            f"the suffix {file.suffix!r} does not say what this is",
            where=str(file),
            hint="say it with --carrier wasm, python or executable",
        )
    return CARRIERS[file.suffix]


def _inspected(remote: Remote, file: Path, content: bytes, carrier: str) -> model.PluginInfo:
    """Return what a plugin says of itself; a refusal says which file it was."""
    try:
        return remote.client.inspect_plugin(content, carrier)
    except model.Refused as refused:
        told = (msgspec.structs.replace(one, where=one.where or str(file)) for one in refused.problems)
        raise model.Refused(*told, status=refused.status) from None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise model.refuse(
            "unreadable", f"it cannot be read: {error.strerror}", where=str(file), hint="name the plugin's file"
        ) from error


def _table(plugins: list[model.PluginInfo]) -> list[str]:
    rows = [
        (text.clean(p.name), p.version, p.carrier, "built in" if p.builtin else p.directory, p.digest[:19])
        for p in plugins
    ]
    return text.table(("NAME", "VERSION", "CARRIER", "FROM", "DIGEST"), rows)


def _details(plugin: model.PluginInfo) -> list[str]:
    origin = "built in" if plugin.builtin else f"in {plugin.directory}"
    return [
        f"{text.clean(plugin.name)} {text.clean(plugin.version)} ({plugin.carrier}), {origin}",
        f"  {plugin.digest}",
        f"  functions: {', '.join(map(text.clean, plugin.functions)) or 'none'}",
        *text.indent(grants.lines(grants.Wanted(plugin.name, plugin.grants, plugin.full_access), "may")),
    ]
