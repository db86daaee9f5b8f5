"""``puccini.load`` with a memory: of a large tree of files, only what is new or needed is read in full.

Every file that is reached is read as bytes, so that what is remembered is known by content; most of the time goes into
what follows that. A file that was remembered as free of faults, together with everything that it leads to, is not
parsed: its definitions are read one by one, when something needs them. As soon as there is anything to say of such a
tree, everything is read in full, so that what is said is the same as without a memory.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import puccini
from floria.garbage import uncollected
from puccini import catalog as catalogs
from puccini import dialects, loading, nodes, sources, yaml
from puccini.cache.store import Store
from puccini.diagnostics import Report
from puccini.grammar.types import Kind
from puccini.loader import Loader
from puccini.loading import Loaded
from puccini.units import FUNCTIONS, Section, Unit
from puccini.web import circles

if TYPE_CHECKING:
    from puccini.cache.summaries import Page, Summary

LEAST: Final = 50
"""Of fewer files nothing is kept: they are read faster than remembered."""


def load(
    source: sources.Source,
    entry: str,
    catalog: Sequence[catalogs.Catalog],
    store: Store,
    *,
    strict: bool = False,
) -> Loaded:
    """Do what `puccini.load` does. Types that nothing needs may be missing from the result."""
    loader = RememberingLoader(catalog, Report(strict), store)
    with uncollected():
        loaded = loading.run(loader, source, entry)
    if loader.taken and any(loaded.entry is None or one.file != loaded.entry.name for one in loaded.diagnostics):
        return puccini.load(source, entry, catalog, strict=strict)
    loader.remember(loaded)
    return loaded


class RememberingLoader(Loader):
    """A loader that takes files from memory, if any were `taken`; `pages` are those not read in full since."""

    def __init__(self, catalog: Sequence[catalogs.Catalog], report: Report, store: Store) -> None:
        super().__init__(catalog, report, self._parsed)
        self._remembers = store.exists
        self.pages: dict[int, Page] = {}
        self.taken = False
        self._store = store
        self._data: dict[tuple[str, str, str], bytes] = {}
        self._keys: dict[int, bytes] = {}
        self._circles: dict[bytes, list[Unit]] = {}

    def remember(self, loaded: Loaded) -> None:
        """Keep what was found out about files that nothing is to be said of."""
        if len(self.units) < LEAST or loaded.resolver is None:
            return
        parsed = [unit for unit in self.units[1:] if id(unit) not in self.pages]
        if not parsed:
            return
        import msgspec

        from puccini.cache import summaries

        faulty = {one.file for one in loaded.diagnostics}
        files: dict[int, list[str]] = defaultdict(list)
        for artifact in loaded.resolver.known_artifacts:
            if artifact.is_local:
                files[id(artifact.unit)].append(artifact.path)
        found: dict[int, Summary] = {}
        for unit in parsed:
            if unit.name in faulty:
                continue
            made = summaries.make(unit, self._cut(unit), tuple(sorted(files[id(unit)])))
            if made is not None:
                found[id(unit)] = made
        encode = msgspec.msgpack.Encoder().encode
        kept = {self._keys[one]: encode(summary) for one, summary in found.items()}
        clean = [key for key, circle in self._circles.items() if all(id(unit) in found for unit in circle)]
        self._store.keep(kept, clean)

    def _cut(self, unit: Unit) -> yaml.Document:
        """Return the document of a file in parts, if it can be cut."""
        document = unit.root.document
        if document.parts is None and dialects.OLD not in document.data:
            from puccini.editing import Editor

            return Editor(unit.name).parse(document.data)
        return document

    def _found(self) -> None:
        """Read the definitions that something in files which are read in full may refer to."""
        if not self.pages:
            return
        from puccini.cache import summaries

        names = {name for unit in self.units for _, name in unit.definitions}
        full = [unit for unit in self.units if id(unit) not in self.pages]
        waiting = [(unit, text) for unit in full for text in set(summaries.strings(unit.root.value))]
        seen: set[tuple[int, str]] = set()
        while waiting:
            unit, text = waiting.pop()
            sections: tuple[Section, ...] = _KINDS
            if text.startswith("$"):
                text, sections = text[1:].partition("$")[0], (FUNCTIONS,)
            if text.rpartition(":")[2] not in names or (id(unit), text) in seen:
                continue
            seen.add((id(unit), text))
            for section in sections:
                found = unit.find(section, text)
                if found is not None and id(found.unit) in self.pages:
                    value = found.definition.node.value
                    waiting += [(found.unit, one) for one in set(summaries.strings(value))]

    def _unit(self, source: sources.Source, path: str) -> Unit | None:
        place = (source.name, source.root, path)
        if place in self._known:
            return self._known[place]
        data = self._data[place] = source.read(path)
        if not self.units or not self._remembers:
            return super()._unit(source, path)
        key = _key(data)
        page = self._page(source, path, key, data)
        if page is None:
            unit = super()._unit(source, path)
        else:
            file, root = page.file()
            unit = self._known[place] = Unit(source, path, file, root)
            self.documents[page.name] = root.document
            self.report.files.append(page.name)
            if self._by is not None:
                self.report.imported(page.name, self._by.node)
            self.units.append(unit)
            self._waiting.extend((unit, definition) for definition in file.imports)
            self.pages[id(unit)] = page
            self.taken = True
        if unit is not None:
            self._keys[id(unit)] = key
        return unit

    def _page(self, source: sources.Source, path: str, key: bytes, data: bytes) -> "Page | None":
        kept = self._store.summary(key)
        if kept is None:
            return None
        import msgspec

        from puccini.cache.summaries import Page, Summary

        try:
            summary = msgspec.msgpack.decode(kept, type=Summary)
        except msgspec.DecodeError:
            return None
        if not all(source.exists(file) for file in summary.files):
            return None
        return Page(sources.display(source, path), data, summary)

    def _parsed(self, source: sources.Source, path: str) -> yaml.Document:
        name, data = sources.display(source, path), self._data[source.name, source.root, path]
        if (not self._remembers and len(self.units) < LEAST) or not self.units or dialects.OLD in data:
            return yaml.parse(data, name)
        from puccini.editing import Editor

        return Editor(name).parse(data)

    def _linked(self) -> None:
        """Read in full what is not known to be free of faults."""
        if len(self.units) < LEAST and not self.pages:
            return
        from hashlib import blake2b

        for unit in self.units[1:]:
            if id(unit) not in self._keys:
                self._keys[id(unit)] = _key(unit.root.document.data)
        places = {id(unit): place for place, unit in enumerate(self.units)}
        links = [[places[id(link.unit)] for link in unit.links] for unit in self.units]
        digests: dict[int, bytes] = {}
        for circle in circles(links):
            inside = set(circle)
            units = [self.units[place] for place in circle]
            own = sorted(self._keys.get(id(unit), b"") + unit.name.encode() for unit in units)
            below = {digests[other] for place in circle for other in links[place] if other not in inside}
            digest = blake2b(digest_size=24)
            for one in (*own, b"", *sorted(below)):
                digest.update(len(one).to_bytes(4, "big") + one)
            for place in circle:
                digests[place] = digest.digest()
            if self.units[0] not in units:
                self._circles[digest.digest()] = units
            if any(id(unit) in self.pages for unit in units) and not self._store.is_clean(digest.digest()):
                for unit in units:
                    self._complete(unit)
        self._link()

    def _complete(self, unit: Unit) -> None:
        """Read a file in full that was taken from memory."""
        if self.pages.pop(id(unit), None) is None:
            return
        document = self.documents[unit.name] = self._parsed(unit.source, unit.path)
        file = self._file(nodes.root(document)) if document.complete else None
        assert file is not None, "what is remembered was read before, with the same content"
        unit.file, unit.root, unit.links = file, file.node, []
        self._waiting.extend((unit, definition) for definition in file.imports)


_KINDS: Final = tuple(kind.value for kind in Kind)


def _key(data: bytes) -> bytes:
    """Return what a file with this content is known by."""
    from hashlib import blake2b

    return blake2b(data, digest_size=24, key=_program()).digest()


@cache
def _program() -> bytes:
    """Return what tells this program from others, whose findings may be different ones."""
    from hashlib import blake2b

    folder = Path(puccini.__file__).parent
    digest = blake2b(digest_size=24)
    for file in sorted(folder.rglob("*.py")):
        status = file.stat()
        digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns};".encode())
    return digest.digest()
