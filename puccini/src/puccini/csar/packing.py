"""An archive of a TOSCA file and everything it touches: imports, artifacts, plugins beside it (T164).

A file is touched when it is imported, or named where artifacts are: by an artifact, or as the implementation of an
operation, notification, workflow or function. Clients call `pack` to send a service to a server; `puccini-csar create
FILE` writes the same to disk.
"""

import fnmatch
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from puccini import diagnostics, loading, sources
from puccini.catalog import Catalog
from puccini.csar import archive as archives
from puccini.csar import creation, formats, meta, plugins, verification
from puccini.csar.creation import Plan
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.formats import Format
from puccini.csar.limits import DEFAULT

_SECTIONS = frozenset({"artifacts", "interfaces", "workflows", "functions", "triggers", "implementation"})
_DATA = frozenset({"properties", "attributes", "inputs", "outputs", "metadata", "description"})


def pack(
    entry: Path, catalog: Sequence[Catalog] = (), *, others: Sequence[Path] = (), form: Format = Format.ZIP
) -> bytes:
    """Return the service at `entry` as an archive: a TOSCA file, a folder, or an archive, which stays as it is.

    `others` are further files with substitution candidates, for a TOSCA file, from its folder or below.
    Profiles that are imported by name are not packed: the receiver has them, and `catalog` need not. Whether the TOSCA
    is right is for the receiver to say. Raises `ArchiveError`.
    """
    if entry.is_dir():
        return creation.content(creation.from_folder(entry), form)
    if formats.is_archive(entry):
        return _checked(entry)
    return creation.content(from_file(entry, catalog, others=others), form)


def from_file(
    entry: Path,
    catalog: Sequence[Catalog] = (),
    *,
    root: Path | None = None,
    others: Sequence[Path] = (),
    created_by: str = creation.CREATOR,
    check: bool = False,
) -> Plan:
    """Plan an archive of the TOSCA file `entry` and what it touches, and of `others` with substitution candidates.

    `root` becomes the root of the archive; without it, the folder of `entry` does. With `check`, raises
    `puccini.diagnostics.Failed` when the TOSCA is wrong. Raises `ArchiveError`.
    """
    folder = (root or entry.parent).resolve()
    names = [_inside(path, folder) for path in (entry, *others)]
    source = sources.FolderSource(folder)
    files: dict[str, Path] = {}
    for name in names:
        files |= _touched(name, folder, source, catalog, check)
    files |= _plugins(folder)
    said = meta.Meta(created_by=created_by, entry=names[0], others=tuple(names[1:]))
    return Plan(files=files, meta=meta.suited(said, _definitions(files[names[0]])))


def _definitions(path: Path) -> bytes:
    """Return what is in a file; of one that cannot be read, which is said when it is to be written, nothing."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _inside(path: Path, folder: Path) -> str:
    try:
        return path.resolve().relative_to(folder).as_posix()
    except ValueError as error:
        raise ArchiveError(
            Refusal.ESCAPE, f"{path} is not in {folder}", hint="choose a --root that contains the file"
        ) from error


def _touched(
    name: str, folder: Path, source: sources.FolderSource, catalog: Sequence[Catalog], check: bool
) -> dict[str, Path]:
    loaded = loading.load(source, name, catalog)
    if check and loaded.failed:
        raise diagnostics.Failed(loaded.diagnostics)
    files: dict[str, Path] = {name: _regular(folder, name)}
    for origin, path in [*loaded.files, *loaded.artifacts, *_named(loaded)]:
        if origin is source:
            files[path] = _regular(folder, path)
        elif posixpath.isabs(origin.name) and path:
            raise ArchiveError(
                Refusal.MISSING,
                f"{posixpath.join(origin.name, path)} is used, and lies outside of {folder}",
                entry=name,
                hint="copy it into the folder of the service and refer to it there",
            )
    return files


def excluding(patterns: Sequence[str]) -> creation.Exclude:
    """Return what tells whether one of the patterns fits a file's name or that of one of its folders."""
    return lambda name: any(
        fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(posixpath.basename(name), pattern)
        for pattern in patterns
    )


def _named(loaded: loading.Loaded) -> Iterator[tuple[sources.Source, str]]:
    """Yield the files that definitions name where artifacts are named.

    Needs no types, so that nothing is missing from the archive where a profile is not at hand.
    """
    for unit in loaded.units:
        for text in _texts(unit.root.value):
            try:
                path = sources.resolve(unit.path, text, unit.base or "")
            except sources.SourceError:
                continue
            if path and unit.source.exists(path):
                yield unit.source, path


def _texts(document: object) -> Iterator[str]:
    """Yield the texts in the sections of a file that name artifacts. What YAML aliases repeat is seen once."""
    seen: set[tuple[int, bool]] = set()
    pending: list[tuple[object, bool]] = [(document, False)]
    while pending:
        value, inside = pending.pop()
        if isinstance(value, str):
            if inside and 0 < len(value) <= DEFAULT.name and "\0" not in value:
                yield value
            continue
        if (id(value), inside) in seen:
            continue
        seen.add((id(value), inside))
        if isinstance(value, dict):
            pending += [(item, inside or key in _SECTIONS) for key, item in value.items() if key not in _DATA]
        elif isinstance(value, list):
            pending += [(item, inside) for item in value]


def _plugins(folder: Path) -> dict[str, Path]:
    """Return the plugins beside the service, which nothing in its TOSCA needs to name."""
    place = folder / plugins.FOLDER
    if not place.is_dir():
        return {}
    found = {
        f"{plugins.FOLDER}/{path.name}": path
        for path in sorted(place.iterdir())
        if not path.is_dir() and not path.name.startswith(".")
    }
    plugins.find(found)
    return {name: _regular(folder, name) for name in found}


def _regular(folder: Path, path: str) -> Path:
    place = folder / path
    if any(part.is_symlink() for part in (place, *place.parents) if part != folder and part.is_relative_to(folder)):
        raise ArchiveError(
            Refusal.LINK, "this is, or lies behind, a symbolic link", entry=path, hint="put the file itself there"
        )
    return place


def _checked(path: Path) -> bytes:
    with archives.open(path) as archive:
        for finding in verification.verify(archive):
            if not finding.warning:
                raise ArchiveError(finding.refusal, finding.message, entry=finding.entry, hint=finding.hint)
    return path.read_bytes()
