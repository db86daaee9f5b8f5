"""The files that an editor has open, and what was found in them and in all that they import.

Paths are absolute here. Every folder that is the root of a service or an archive has a session of its own.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from puccini import sources
from puccini.catalog import Catalog
from puccini.csar import meta
from puccini.diagnostics import Diagnostic
from puccini.editing import Editor
from puccini.loading import Loaded
from puccini.server import completion, cursor, occurrences
from puccini.server.completion import Around, Suggestion
from puccini.server.occurrence import Occurrence
from puccini.server.structure import World
from puccini.session import Session
from puccini.units import Unit

_TOSCA = re.compile(r"^['\"]?tosca_definitions_version['\"]?\s*:", re.MULTILINE)
_SUFFIXES = (".yaml", ".yml", ".tosca")
MAX_FILES = 5000


class Workspace:
    """Open files by path, with a session for each root folder."""

    def __init__(self, catalogs: Sequence[Catalog], *, strict: bool = False) -> None:
        self.folders: list[Path] = []
        self.texts: dict[Path, str] = {}
        self.catalogs = catalogs
        self._strict = strict
        self._sessions: dict[Path, Session] = {}
        self._worlds: dict[Path, World] = {}
        self._editors: dict[Path, Editor] = {}
        self._found: dict[Path, dict[Path, list[Diagnostic]]] = {}
        self._known: dict[Path, set[Path]] = {}
        self._tosca: set[Path] = set()

    def update(self, path: Path, text: str, *, tosca: bool = False) -> set[Path]:
        """Take `text` for the content of an open file; return the files of which the diagnostics may have changed.

        `tosca` says that the editor knows it to be TOSCA; otherwise only what says so itself is looked at.
        """
        self.texts[path] = text
        session, name = self._session(path)
        session.update(name, text)
        if tosca or _TOSCA.search(text):
            self._tosca.add(path)
        return self._again(path)

    def close(self, path: Path) -> set[Path]:
        """Forget an open file: what is on disk counts again."""
        self.texts.pop(path, None)
        self._tosca.discard(path)
        self._worlds.pop(path, None)
        self._editors.pop(path, None)
        session, name = self._session(path)
        session.update(name, None)
        before = set(self._found.pop(path, {}))
        self._known.pop(path, None)
        return before | self._again(path)

    def refresh(self) -> set[Path]:
        """Look at everything again: files changed on disk."""
        for session in self._sessions.values():
            session.refresh()
        return {file for path in list(self._tosca) for file in self._check(path)}

    def diagnostics(self, path: Path) -> list[Diagnostic]:
        """Return what was found in a file, as an entry or as an import of others."""
        merged = {
            (d.code, d.line, d.column, d.message): d for found in self._found.values() for d in found.get(path, ())
        }
        return sorted(merged.values(), key=lambda one: (one.line, one.column, one.code))

    def world(self, path: Path) -> World | None:
        """Return what is known of a file, as it was when it could last be understood."""
        session, name = self._session(path)
        loaded = session.check(name)
        if loaded.entry is not None:
            self._worlds[path] = World(loaded, loaded.entry)
        return self._worlds.get(path)

    def broken(self, path: Path) -> bool:
        """Whether a file cannot be understood as it is now."""
        session, name = self._session(path)
        return session.check(name).entry is None

    def occurrence(self, path: Path, line: int, column: int) -> Occurrence | None:
        """Return what stands at a position."""
        world = self.world(path)
        return occurrences.at(world, line, column) if world is not None else None

    def complete(self, path: Path, line: int, column: int) -> tuple[str, list[Suggestion]]:
        """Return the part of a word before the cursor, and what may stand there."""
        editor = self._editors.setdefault(path, Editor(path.name))
        place = cursor.find(editor, self.texts.get(path, ""), line, column)
        if place is None:
            return "", []
        world = self.world(path) or self._guessed(path, place.data)
        if world is None:
            return place.word, []
        around = Around(lambda: self._importable(path), self._profiles)
        return place.word, completion.find(world, place, around)

    def place(self, unit: Unit) -> Path:
        """Return where a file is."""
        return Path(unit.source.root, unit.path)

    def root(self, path: Path) -> Path:
        """Return the folder that is the root for a file: of its archive, of the workspace, or its own."""
        within = [folder for folder in self.folders if path.is_relative_to(folder)]
        top = max(within, key=lambda folder: len(folder.parts)) if within else path.parent
        for folder in path.parents:
            if not folder.is_relative_to(top):
                break
            if any((folder / place).is_file() for place in meta.PLACES):
                return folder
        return top

    def files(self, root: Path) -> Iterator[Path]:
        """Yield the files in a folder that could be TOSCA, open or not."""
        yield from (path for path in self.texts if path.is_relative_to(root))
        count = 0
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                if name.endswith(_SUFFIXES) and path not in self.texts:
                    count += 1
                    if count > MAX_FILES:
                        return
                    yield path

    def text(self, path: Path) -> str | None:
        """Return the content of a file, as the editor has it or as it is on disk."""
        if path in self.texts:
            return self.texts[path]
        try:
            return path.read_text(errors="replace")
        except OSError:
            return None

    def _session(self, path: Path) -> tuple[Session, str]:
        root = self.root(path)
        if root not in self._sessions:
            self._sessions[root] = Session(sources.FolderSource(root), self.catalogs, strict=self._strict)
        return self._sessions[root], path.relative_to(root).as_posix()

    def _guessed(self, path: Path, data: bytes) -> World | None:
        """Return what would be known of a file if it were `data`; it could not be understood yet."""
        root = self.root(path)
        session = Session(sources.FolderSource(root), self.catalogs)
        name = path.relative_to(root).as_posix()
        session.update(name, data)
        loaded = session.check(name)
        return World(loaded, loaded.entry) if loaded.entry is not None else None

    def _again(self, changed: Path) -> set[Path]:
        """Check every open file that has to do with one that changed."""
        affected = {path for path in self._tosca if path == changed or changed in self._known.get(path, ())}
        return {file for path in affected for file in self._check(path)} | {changed}

    def _check(self, path: Path) -> set[Path]:
        session, name = self._session(path)
        loaded = session.check(name)
        if loaded.entry is not None:
            self._worlds[path] = World(loaded, loaded.entry)
        places = self._places(loaded, self.root(path))
        found: dict[Path, list[Diagnostic]] = {path: []}
        for one in loaded.diagnostics:
            found.setdefault(places.get(one.file, path), []).append(one)
        before = self._found.get(path, {})
        self._found[path] = found
        self._known[path] = {*places.values(), *self._known.get(path, set())} if loaded.failed else set(places.values())
        return {*before, *found}

    @staticmethod
    def _places(loaded: Loaded, root: Path) -> Mapping[str, Path]:
        """Return where the files are that were read, by the names that diagnostics give them."""
        known = {unit.name: Path(unit.source.root, unit.path) for unit in loaded.units}
        return {name: known.get(name, root / name) for name in {*known, *loaded.documents}}

    def _importable(self, path: Path) -> Iterable[str]:
        for other in self.files(self.root(path)):
            if other != path:
                yield os.path.relpath(other, path.parent).replace(os.sep, "/")

    def _profiles(self) -> Iterable[str]:
        return [name for catalog in self.catalogs for name in catalog.names()]
