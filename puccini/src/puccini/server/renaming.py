"""Renames something everywhere, in open files and in others, or says why not (`textDocument/rename`).

All TOSCA files of the root are looked at. The new texts are checked before anything is given back: a rename that would
make something wrong, or mean something else, is refused.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from puccini import extents, sources
from puccini.loading import Loaded
from puccini.nodes import Node
from puccini.server import members, occurrences
from puccini.server.occurrence import Occurrence
from puccini.server.workspace import Workspace
from puccini.session import Session

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")


class Refused(Exception):
    """Something cannot be renamed; the message says why."""


class Edit(NamedTuple):
    """What is replaced, and by what."""

    extent: extents.Extent
    text: str


def find(workspace: Workspace, path: Path, line: int, column: int) -> Occurrence:
    """Return what would be renamed. Raises `Refused`."""
    found = workspace.occurrence(path, line, column)
    if found is None:
        raise Refused("there is nothing here that has a name of your own")
    if not found.renamed or found.target is None:
        raise Refused(f"a {found.kind} cannot be renamed: not every use of its name can be known")
    root = workspace.root(path)
    place = _place(found.target, workspace, path)
    if place is None or not place.is_relative_to(root):
        raise Refused(f"{found.name!r} is defined outside of {root}, in {found.target.file}")
    return found


def rename(workspace: Workspace, path: Path, line: int, column: int, new: str) -> dict[Path, list[Edit]]:
    """Return the edits of every file. Raises `Refused`."""
    found = find(workspace, path, line, column)
    if not _NAME.match(new):
        raise Refused(f"{new!r} is not a name: letters, digits, '_', '-' and '.', a letter first")
    if new == found.name:
        return {}
    if _is_taken(found, workspace, path, new):
        raise Refused(f"it would be wrong then: {new!r} is there already")
    edits = dict(_edits(workspace, path, found, new))
    _verify(workspace, path, edits)
    return edits


def _is_taken(found: Occurrence, workspace: Workspace, path: Path, new: str) -> bool:
    """Whether the new name is that of another property or attribute (or another thing) beside the definition."""
    world = workspace.world(path)
    section = _first(found.target, members.roots(world.loaded) if world is not None else {}).parent
    holder = section.parent if section is not None else None
    if section is None or holder is None:
        return False
    data = ("properties", "attributes")
    beside = [holder.get(key) for key in data] if section.key in data else [section]
    return any(isinstance(one.value, dict) and new in one.value for one in beside if one is not None)


def uses(workspace: Workspace, path: Path, line: int, column: int) -> list[tuple[Path, Occurrence]]:
    """Return everything that has the same meaning as what stands at a position, in all files."""
    found = workspace.occurrence(path, line, column)
    if found is None or found.target is None:
        return []
    return [(file, one) for file, many in _same(workspace, path, found) for one in many]


def _edits(workspace: Workspace, path: Path, found: Occurrence, new: str) -> Iterator[tuple[Path, list[Edit]]]:
    for file, many in _same(workspace, path, found, strict=True):
        text = extents.lines((workspace.text(file) or "").encode())
        for one in many:
            if not one.written(text):
                line = one.node.start.line + 1
                raise Refused(f"{file}:{line}: {found.name!r} is written here in a way that cannot be renamed")
        edits = {Edit(one.extent(text), new) for one in many}
        if edits:
            yield file, sorted(edits)


def _same(
    workspace: Workspace, path: Path, found: Occurrence, *, strict: bool = False
) -> Iterator[tuple[Path, list[Occurrence]]]:
    """Yield what means the same, file by file. Raises `Refused` when `strict` and a file cannot be understood."""
    assert found.target is not None
    here = workspace.world(path)
    wanted = _identity(_first(found.target, members.roots(here.loaded) if here else {}), workspace, path)
    for file in workspace.files(workspace.root(path)):
        content = workspace.text(file)
        if content is None or found.name not in content or "tosca_definitions_version" not in content:
            continue
        world = workspace.world(file)
        if world is None or workspace.broken(file):
            if strict:
                raise Refused(f"{file} cannot be read as TOSCA, and has {found.name!r} in it; correct it first")
            continue
        known = members.roots(world.loaded)
        named = [one for one in occurrences.find(world) if one.target is not None and one.name == found.name]
        yield file, [one for one in named if _identity(_first(one.target, known), workspace, file) == wanted]


def _verify(workspace: Workspace, path: Path, edits: dict[Path, list[Edit]]) -> None:
    """Check all files that change, and those that import them, as they would be."""
    root = workspace.root(path)
    source = sources.FolderSource(root)
    session = Session(source, workspace.catalogs)
    affected = [file for file in workspace.files(root) if _concerned(workspace, file, edits)]
    for file in workspace.texts:
        if file.is_relative_to(root):
            session.update(file.relative_to(root).as_posix(), workspace.texts[file])
    before = {file: _problems(session.check(file.relative_to(root).as_posix())) for file in affected}
    for file, changes in edits.items():
        content = workspace.text(file)
        assert content is not None
        session.update(file.relative_to(root).as_posix(), apply(content, changes))
    for file in affected:
        loaded = session.check(file.relative_to(root).as_posix())
        if _problems(loaded) > before[file]:
            new = loaded.diagnostics[0]
            raise Refused(f"{new.file}:{new.line}: it would be wrong then: {new.message}")


def apply(content: str, edits: Iterable[Edit]) -> str:
    """Return `content` with `edits` made."""
    lines = content.split("\n")
    for edit in sorted(edits, reverse=True):
        start, end = edit.extent
        line = lines[start.line]
        lines[start.line] = line[: start.column] + edit.text + line[end.column :]
    return "\n".join(lines)


def _concerned(workspace: Workspace, file: Path, edits: dict[Path, list[Edit]]) -> bool:
    if file in edits:
        return True
    content = workspace.text(file)
    if content is None or "imports" not in content or "tosca_definitions_version" not in content:
        return False
    world = workspace.world(file)
    return world is not None and any(workspace.place(unit) in edits for unit in world.loaded.units)


def _problems(loaded: Loaded) -> int:
    return len(loaded.diagnostics)


def _place(node: Node, workspace: Workspace, path: Path) -> Path | None:
    world = workspace.world(path)
    if world is None:
        return None
    return next((workspace.place(unit) for unit in world.loaded.units if unit.name == node.file), None)


def _first(node: Node | None, known: dict[members.Key, Node]) -> Node:
    """Return the definition that a refinement goes back to."""
    assert node is not None
    return known.get(members.key(node), node)


def _identity(node: Node, workspace: Workspace, path: Path) -> tuple[Path | None, int, int]:
    start = node.key_range[0]
    return _place(node, workspace, path), start.line, start.column
