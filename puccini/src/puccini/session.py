"""Checks files again and again while they are edited: what does not depend on a change is kept.

Called by the language server, and by whoever watches files.

    session = puccini.Session(puccini.FolderSource("service"), [catalog])
    session.update("service.yaml", text)
    for diagnostic in session.diagnostics("service.yaml"): ...

Files are parsed in parts (`puccini.editing`), and parts that did not change are not read again. When all that changed
is inside of node templates, in ways that mean nothing to others, only those are resolved again; when it is inside of
node types and about their properties alone, then these properties are (`puccini.narrowing`); in other types, then those
and what depends on them (`puccini.dependence`), if that is less than half of all. The result is always that of
`puccini.load`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from floria.garbage import uncollected
from puccini import catalog as catalogs
from puccini import dialects, loading, narrowing, sources, yaml
from puccini.dependence import LATER, Names, derives_alike, stays
from puccini.diagnostics import Diagnostic
from puccini.editing import Editor
from puccini.grammar.construct import part
from puccini.grammar.templates import NODE_TEMPLATE, NodeTemplate
from puccini.grammar.types import TYPES, Kind, TypeDefinition
from puccini.journal import Journal
from puccini.loader import Loader
from puccini.loading import Loaded
from puccini.model.service import Service
from puccini.model.type import Type
from puccini.semantics import service as services
from puccini.semantics import types
from puccini.semantics.resolver import Resolver
from puccini.units import FUNCTIONS, Unit

_PATIENCE: Final = 200
"""After how many partial checks everything is resolved again, so that what was replaced is not held for ever."""

_FEW: Final = 50
"""Of no more node templates, all may be resolved again in part."""

_KINDS: Final = {kind.value: kind for kind in Kind}

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
        if len(check.changed) != 1 or check.patience == 0:
            return False
        (place,) = check.changed
        owner = next((one for one in resolver.units if self._place(one.source, one.path) == place), None)
        if owner is None or place not in self._texts:
            return False
        old, new = owner.root.document, self._read(owner.source, owner.path)
        changed = _changed(old, new) if owner is unit else None
        edited = _changed_types(old, new) if changed is None else None
        if changed is None and edited is None:
            return False
        with uncollected():
            narrow = check.narrow(owner, edited, (old, new)) if edited is not None else None
            if edited is not None:
                changed = narrow.full if narrow is not None else check.affected(owner, edited, new)
                if changed is None:
                    return False
            assert changed is not None
            _adopt(old, new)
            self._documents[place] = old
            if edited is not None:
                check.retype(resolver)
            changed = check.replace(changed)
            if changed is None or (narrow is not None and not narrowing.assign(narrow, service, resolver)):
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
        self._replaced: list[object] = []
        self._names = Names()
        self._retyped: list[Type] = []

    def narrow(
        self, unit: Unit, changed: Sequence[tuple[Kind, str]], documents: tuple[yaml.Document, yaml.Document]
    ) -> narrowing.Narrow | None:
        """Find what an edit of types in a file, before and after, asks for; None when there is more than properties."""
        said = self.journal.owners()
        found = narrowing.find(self.loaded, said, self._names, unit, changed, documents)
        if found is not None:
            self._retyped = found.types
        return found

    def affected(self, unit: Unit, changed: Sequence[tuple[Kind, str]], new: yaml.Document) -> list[str] | None:
        """Find the types and node templates that depend on types of a file that changed; return the latter.

        None when that cannot be told, or is most of what there is.
        """
        service, resolver, entry = self.loaded.service, self.loaded.resolver, self.loaded.entry
        assert service is not None
        assert resolver is not None
        assert entry is not None
        known = {(type.kind, type.name): type for type in resolver.types.values()}
        if len(known) != len(resolver.types) or any(one not in known or known[one].unit is not unit for one in changed):
            return None
        found = self._names.types([known[one] for one in changed], known.values())
        kinds = {type.kind for type in found}
        functions = any(one.local(FUNCTIONS) for one in resolver.units)
        if kinds & {Kind.ARTIFACT, Kind.INTERFACE} or (functions and Kind.DATA in kinds):
            return None
        if any(dialects.is_old(one.root) for one in resolver.units):
            return None
        if not all(stays(type) for type in found) or not all(derives_alike(known[one], new, one) for one in changed):
            return None
        names = {type.name for type in found}
        template = entry.root.child("service_template")
        parts = template.document.parts
        if parts is None or "node_templates" not in parts or parts["node_templates"].parts is None:
            return None
        for key, child in template.items():
            if key not in LATER and not names.isdisjoint(self._names.of(child)[1]):
                return None
        definitions = service.definition.node_templates
        most = max(_FEW, len(definitions) // 2)
        if sum(one.type in found for one in service.nodes.values()) > most:
            return None
        nodes = self._names.templates(names, definitions, self._far(service))
        if len(nodes) > most:
            return None
        if any(definitions[name].copy is not None for name in nodes):
            return None
        self._retyped = found
        return nodes

    def _far(self, service: Service) -> set[str]:
        """Return the names of the nodes whose types have paths over several nodes."""
        types = {id(one.type): one.type for one in service.nodes.values()}
        leads = {
            key: type is None or any(self._names.of(one.node)[2] for one in type.ancestors)
            for key, type in types.items()
        }
        return {name for name, one in service.nodes.items() if leads[id(one.type)]}

    def retype(self, resolver: Resolver) -> None:
        """Read the definitions of the types that are affected again, and fill them; the file has what it has now."""
        self.journal.forget(services.REST)
        definitions: dict[int, TypeDefinition] = {}
        for type in self._retyped:
            owner = types.owner(type)
            self.journal.forget(owner)
            assert type.unit is not None
            section = type.unit.root.child(type.kind.value)
            before = type.definition
            read: object = before
            if section.document.parts is not None:
                read = part(TYPES[type.kind], section.child(type.name), self.journal, type.name)
            assert isinstance(read, TypeDefinition)
            definitions[id(before)] = read
            type.unit.local(type.kind.value)[type.name] = read
            self._replaced.append(before)
        for one in resolver.units:
            one.forget(definitions)
        types.again(resolver, definitions)

    def replace(self, changed: Iterable[str]) -> list[str] | None:
        """Read the definitions of node templates again; return those that have to be resolved again.

        None when more has to be looked at than node templates.
        """
        unit, service = self.loaded.entry, self.loaded.service
        assert unit is not None
        assert service is not None
        definitions = service.definition.node_templates
        copied = {one.copy.text for one in definitions.values() if one.copy is not None}
        node = unit.root.child("service_template").child("node_templates")
        found = list(changed)
        moved: set[str] = set()
        for name in found:
            self.journal.forget(f"node_templates/{name}")
            before = definitions.get(name)
            after = part(NODE_TEMPLATE, node.child(name), self.journal, name)
            if before is None or not isinstance(after, NodeTemplate) or name in copied:
                return None
            if before.copy is not None or after.copy is not None or _outside(before) != _outside(after):
                return None
            if before.node.value.get("requirements") != after.node.value.get("requirements"):
                moved.add(name)
            definitions[name] = after
            self._replaced.append(before)
        if not moved:
            return found
        others = [name for name in self._names.beyond(moved, definitions, self._far(service)) if name not in found]
        if any(definitions[name].copy is not None for name in others):
            return None
        for name in others:
            self.journal.forget(f"node_templates/{name}")
            part(NODE_TEMPLATE, node.child(name), self.journal, name)
        return found + others


def _changed_types(old: yaml.Document, new: yaml.Document) -> list[tuple[Kind, str]] | None:
    """Return kinds and names of the types that changed; None when there is more."""
    if old.parts is None or new.parts is None or list(old.parts) != list(new.parts):
        return None
    found: list[tuple[Kind, str]] = []
    for key, after in new.parts.items():
        before = old.parts[key]
        if _same(before, after):
            continue
        if key not in _KINDS or before.parts is None or after.parts is None or list(before.parts) != list(after.parts):
            return None
        found += [(_KINDS[key], name) for name, one in after.parts.items() if one is not before.parts[name]]
    return found


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
