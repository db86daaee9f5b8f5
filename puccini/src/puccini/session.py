"""Checks files again and again while they are edited: what does not depend on a change is kept.

Called by the language server, and by whoever watches files.

    session = puccini.Session(puccini.FolderSource("service"), [catalog])
    session.update("service.yaml", text)
    for diagnostic in session.diagnostics("service.yaml"): ...

Files are parsed in parts (`puccini.editing`), and parts that did not change are not read again. When all that changed
is inside of node templates, in ways that mean nothing to others, only those are resolved again. The result is always
that of `puccini.load`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from floria.garbage import uncollected
from puccini import catalog as catalogs
from puccini import loading, sources, yaml
from puccini.diagnostics import Diagnostic
from puccini.editing import Editor
from puccini.grammar.construct import part
from puccini.grammar.templates import NODE_TEMPLATE, NodeTemplate
from puccini.journal import Journal
from puccini.loader import Loader
from puccini.loading import Loaded
from puccini.semantics import service as services

_PATIENCE: Final = 200
"""After how many partial checks everything is resolved again, so that what was replaced is not held for ever."""

_Place = tuple[str, str, str]


class Session:
    """Files of `source` that are being edited; profiles are looked for in each `catalog`, in order.

    Files are read when they are first needed, and again after `update` or `refresh`.
    """

    def __init__(
        self,
        source: sources.Source,
        catalog: catalogs.Catalog | Sequence[catalogs.Catalog] = (),
        *,
        strict: bool = False,
    ) -> None:
        self.source = source
        self.strict = strict
        self._catalog = catalog if isinstance(catalog, Sequence) else (catalog,)
        self._texts: dict[_Place, bytes] = {}
        self._editors: dict[_Place, Editor] = {}
        self._documents: dict[_Place, yaml.Document] = {}
        self._checks: dict[str, _Check] = {}

    def update(self, path: str, text: str | bytes | None) -> None:
        """Take `text` for the content of the file at `path` of the source; None for what is on disk, read again."""
        place = self._place(self.source, path)
        if text is None:
            self._texts.pop(place, None)
        else:
            data = text.encode() if isinstance(text, str) else text
            if self._texts.get(place) == data:
                return
            self._texts[place] = data
        self._documents.pop(place, None)
        for check in self._checks.values():
            check.changed.add(place)

    def refresh(self) -> None:
        """Read every file again that `update` gave no text for, profiles included."""
        self._documents.clear()
        self._checks.clear()

    def check(self, entry: str) -> Loaded:
        """Return what `puccini.load` gives for the file `entry` of the source as it is now.

        The object that an earlier call gave may be the same one, brought up to date.
        """
        known = self._checks.get(entry)
        if known is not None and (not known.changed or self._partial(known, entry)):
            known.changed.clear()
            return known.loaded
        journal = Journal(self.strict)
        with uncollected():
            loaded = loading.run(Loader(self._catalog, journal, self._read), self.source, entry)
        self._checks[entry] = _Check(loaded, journal)
        return loaded

    def diagnostics(self, entry: str) -> tuple[Diagnostic, ...]:
        """Return the diagnostics of `check`."""
        return self.check(entry).diagnostics

    def _read(self, source: sources.Source, path: str) -> yaml.Document:
        place = self._place(source, path)
        document = self._documents.get(place)
        if document is None:
            text = self._texts.get(place)
            name = sources.display(source, path)
            if text is None:
                document = yaml.parse(source.read(path), name)
            else:
                document = self._editors.setdefault(place, Editor(name)).parse(text)
            self._documents[place] = document
        return document

    def _partial(self, check: "_Check", entry: str) -> bool:
        """Bring a check up to date, if only node templates of its entry changed; return whether that was so."""
        unit, resolver, service = check.loaded.entry, check.loaded.resolver, check.loaded.service
        if unit is None or resolver is None or service is None:
            return False
        place = self._place(unit.source, unit.path)
        if check.changed != {place} or place not in self._texts or check.patience == 0:
            return False
        old, new = unit.root.document, self._read(unit.source, unit.path)
        changed = _changed(old, new)
        if changed is None:
            return False
        with uncollected():
            _adopt(old, new)
            self._documents[place] = old
            if not check.replace(changed):
                return False
            services.again(service, changed, resolver)
            check.loaded.diagnostics = check.journal.sorted()
        check.patience -= 1
        return True

    @staticmethod
    def _place(source: sources.Source, path: str) -> _Place:
        return source.name, source.root, path


class _Check:
    """What was found for an entry. `changed` are the files that are not as they were then."""

    def __init__(self, loaded: Loaded, journal: Journal) -> None:
        self.loaded = loaded
        self.journal = journal
        self.changed: set[_Place] = set()
        self.patience = _PATIENCE
        self._replaced: list[NodeTemplate] = []

    def replace(self, changed: Iterable[str]) -> bool:
        """Read the definitions of node templates again; return False when others have to be looked at too."""
        unit, service = self.loaded.entry, self.loaded.service
        assert unit is not None
        assert service is not None
        definitions = service.definition.node_templates
        copied = {one.copy.text for one in definitions.values() if one.copy is not None}
        node = unit.root.child("service_template").child("node_templates")
        for name in changed:
            self.journal.forget(f"node_templates/{name}")
            before = definitions.get(name)
            after = part(NODE_TEMPLATE, node.child(name), self.journal, name)
            if before is None or not isinstance(after, NodeTemplate) or name in copied:
                return False
            if before.copy is not None or after.copy is not None or _outside(before) != _outside(after):
                return False
            definitions[name] = after
            self._replaced.append(before)
        return True


def _outside(definition: NodeTemplate) -> tuple[object, ...]:
    """What others know of a node template."""
    type = definition.type.text if definition.type is not None else None
    return type, [one.text for one in definition.directives], list(definition.artifacts)


def _changed(old: yaml.Document, new: yaml.Document) -> list[str] | None:
    """Return the names of the node templates that changed; None when there is more."""
    for key in ("service_template", "node_templates"):
        if old.parts is None or new.parts is None or list(old.parts) != list(new.parts) or key not in new.parts:
            return None
        if not all(_same(old.parts[other], new.parts[other]) for other in new.parts if other != key):
            return None
        old, new = old.parts[key], new.parts[key]
    if old.parts is None or new.parts is None or list(old.parts) != list(new.parts):
        return None
    return [name for name, one in new.parts.items() if one is not old.parts[name]]


def _same(old: yaml.Document, new: yaml.Document) -> bool:
    if old is new or old.parts is None or new.parts is None:
        return old is new
    return list(old.parts) == list(new.parts) and all(_same(old.parts[key], one) for key, one in new.parts.items())


def _adopt(old: yaml.Document, new: yaml.Document) -> None:
    """Make `old` what `new` is; nodes that lead into it stay good."""
    assert old.parts is not None
    assert new.parts is not None
    old.data, old.first, old.marks = new.data, new.first, new.marks
    for key, one in new.parts.items():
        before = old.parts[key]
        if one is not before and one.parts is not None and before.parts is not None:
            _adopt(before, one)
        else:
            old.parts[key], old.value[key] = one, new.value[key]
        old.value.marks[key] = new.value.marks[key]
