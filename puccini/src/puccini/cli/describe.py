"""``puccini-tosca describe``."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from puccini import describing, loading, rendering
from puccini.cli import frame, opening
from puccini.cli.frame import CommandError, Output
from puccini.describing import text
from puccini.diagnostics import suggest
from puccini.grammar.types import Kind
from puccini.loading import Loaded


@click.command(no_args_is_help=True)
@click.argument("file", metavar="FILE|PROFILE", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, metavar="[TYPE]...")
@opening.profiles_option
@frame.output_option
def describe(file: Path, names: tuple[str, ...], profiles: tuple[Path, ...], output: Output) -> None:
    """Show types with everything they inherit, or a service template from outside.

    With TYPE, that type as FILE knows it (namespaces and all). Without, the service template of FILE: its inputs and
    outputs, what is inside; or, where it has none, the types that it defines, those of a whole profile. A profile can
    also be given by its name.

    \b
    puccini-tosca describe service.yaml
    puccini-tosca describe service.yaml Process --output json
    puccini-tosca describe khutulun:1.0
    """
    with ExitStack() as stack:
        loaded = _load(file, profiles, stack)
        if loaded.diagnostics:
            shown = rendering.render(loaded.diagnostics, loaded.text, color=frame.colored(sys.stderr))
            click.echo(shown, err=True)
        if loaded.entry is None:
            raise CommandError(f"{file} cannot be described", f"see: puccini-tosca validate {file}")
        found = _described(loaded, names)
    data = found[0] if len(found) == 1 else found
    frame.write(output, data, "\n\n".join(_shown(one, brief=not names) for one in found) or "nothing is defined there")


def _load(file: Path, profiles: tuple[Path, ...], stack: ExitStack) -> Loaded:
    catalogs = opening.catalogs(profiles)
    if not file.exists():
        for catalog in catalogs:
            entry = catalog.find(str(file))
            if entry is not None:
                return loading.load(entry.source, entry.path, catalogs)
        hint = suggest(str(file), [name for catalog in catalogs for name in catalog.names()])
        raise CommandError(f"there is neither a file nor a profile {str(file)!r}", hint, frame.Exit.UNREADABLE)
    opened = opening.service(file, stack)
    return loading.load(opened.source, opened.entry, catalogs)


def _described(loaded: Loaded, names: tuple[str, ...]) -> list[dict[str, Any]]:
    assert loaded.entry is not None
    if names:
        return [one for name in names for one in _type(loaded, name)]
    if loaded.service is not None:
        return [describing.service(loaded.service)]
    return describing.profile(loaded)


def _type(loaded: Loaded, name: str) -> list[dict[str, Any]]:
    assert loaded.entry is not None
    assert loaded.resolver is not None
    found = []
    for kind in Kind:
        definition = loaded.entry.type(kind, name)
        type = loaded.resolver.types.get(id(definition.definition)) if definition is not None else None
        if type is not None:
            found.append(describing.type(type))
    if not found:
        known = [one for kind in Kind for one in loaded.entry.names(kind.value)]
        raise CommandError(f"{loaded.entry.name} knows no type {name!r}", suggest(name, known))
    return found


def _shown(found: dict[str, Any], *, brief: bool) -> str:
    if brief and "kind" in found:
        about = " ".join(str(found.get("description", "")).split())
        return text.title(found) + (f"\n  {about}" if about else "")
    return text.outline(found)
