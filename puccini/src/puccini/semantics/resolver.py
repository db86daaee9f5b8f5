"""Finds types by name and builds them with what they inherit. The other modules of this package ask it for types.

Types refer to each other in circles (a data type may hold itself, node types require each other), so they are made in
two steps: first every type with its ancestors, then what is in them, parents before children.
"""

from collections.abc import Callable, Sequence
from typing import Any

from floria.values import Value
from puccini.diagnostics import Report, mistaken, suggest
from puccini.grammar.types import TYPES, Kind, TypeDefinition
from puccini.model import data, types
from puccini.model.service import Implemented
from puccini.model.type import Type
from puccini.nodes import Node
from puccini.semantics.statics import Statics
from puccini.sources import Source
from puccini.units import Found, Unit

MAX_DERIVATION = 100

CLASSES: dict[Kind, type[Type]] = {
    Kind.ARTIFACT: types.ArtifactType,
    Kind.DATA: data.DataType,
    Kind.CAPABILITY: types.CapabilityType,
    Kind.INTERFACE: types.InterfaceType,
    Kind.RELATIONSHIP: types.RelationshipType,
    Kind.NODE: types.NodeType,
    Kind.GROUP: types.GroupType,
    Kind.POLICY: types.PolicyType,
}
"""Each kind's class, in the order in which types are filled: a kind is made of those before it."""


class Deferred:
    """Checks that wait, each with the owner on whose behalf it will report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._waiting: list[tuple[str, Callable[[], None]]] = []

    def append(self, check: Callable[[], None]) -> None:
        self._waiting.append((self._report.owner, check))

    def take(self) -> list[tuple[str, Callable[[], None]]]:
        """Return what waits; nothing waits any more."""
        waiting, self._waiting = self._waiting, []
        return waiting


class Resolver:
    """The types of a load. `types` has all that could be made, by their definition."""

    def __init__(self, units: Sequence[Unit], report: Report) -> None:
        self.units = units
        self.report = report
        self.statics = Statics()
        self.types: dict[int, Type] = {}
        self.functions: dict[int, dict[str, Any]] = {}
        self.deferred = Deferred(report)
        self.artifacts: list[tuple[types.Artifact, dict[str, Any]]] = []
        self.built_artifacts: list[types.Artifact] = []
        self.known_artifacts: list[types.Artifact] = []
        self.inline_artifacts: dict[int, types.Artifact | None] = {}
        self.implemented: dict[tuple[int, ...], list[Implemented]] = {}
        self.related: dict[types.NodeType, list[tuple[data.Property, Value]]] = {}
        self._exists: dict[tuple[int, str], bool] = {}
        self.extensions: dict[tuple[int, str], types.ArtifactType | None] = {}
        self._visible: dict[tuple[Kind, int], list[Type]] = {}
        self._old_scalars: dict[str, data.DataType] = {}

    def declare(self) -> None:
        """Make every type with its ancestors."""
        for unit in self.units:
            for kind in CLASSES:
                for name, definition in unit.made(kind.value).items():
                    if kind is Kind.DATA and name in data.BUILT_IN:
                        message = f"{name!r} is a built-in data type and cannot be defined"
                        self.report.error("reserved-name", message, definition.node, "choose another name", key=True)
                    self._make(kind, Found(unit, definition))

    def settle(self) -> None:
        """Run the checks that had to wait until types and templates were known."""
        before = self.report.owner
        while waiting := self.deferred.take():
            for owner, check in waiting:
                self.report.owner = owner
                check()
        self.report.owner = before

    def of(self, kind: Kind) -> list[Type]:
        """Return all types of one kind, parents before children."""
        found = [type for type in self.types.values() if type.kind is kind]
        return sorted(found, key=lambda type: len(type.ancestors))

    def exists(self, source: Source, path: str) -> bool:
        """Whether there is a file at `path`, looked up once."""
        key = (id(source), path)
        if key not in self._exists:
            self._exists[key] = source.exists(path)
        return self._exists[key]

    def find(self, kind: Kind, unit: Unit, name: Node) -> Type | None:
        """Return the type that `name` means in `unit`; report when there is none."""
        text = name.text
        found = unit.type(kind, text)
        if found is not None:
            return self.types.get(id(found.definition))
        if kind is Kind.DATA:
            if text in data.BUILT_IN:
                return data.BUILT_IN[text]
            if (old := self._old_scalar(name)) is not None:
                return old
        self._unknown(kind, unit, name)
        return None

    def visible(self, kind: Kind, unit: Unit) -> list[Type]:
        """Return the types of one kind that can be named in `unit`."""
        key = (kind, id(unit))
        if key not in self._visible:
            found = (unit.type(kind, name) for name in dict.fromkeys(unit.names(kind.value)))
            made = (self.types.get(id(one.definition)) for one in found if one is not None)
            self._visible[key] = [type for type in made if type is not None]
        return self._visible[key]

    def data_type(self, unit: Unit, name: Node) -> data.DataType:
        """Return a data type that values can have; `data.ANY`, after a report, when there is none."""
        found = self.find(Kind.DATA, unit, name)
        if not isinstance(found, data.DataType) or found.incomplete:
            return data.ANY
        if found is data.BUILT_IN["scalar"]:
            message = "'scalar' is abstract: values have a type derived from it"
            self.report.error(
                "abstract-type", message, name, "define a data type with 'derived_from: scalar' and units"
            )
            return data.ANY
        return found

    def all(self, kind: Kind, unit: Unit, names: list[Node] | None) -> tuple[Type, ...] | None:
        """Return the types that `names` mean; None when no list is given, or one does not exist: any may do."""
        if names is None:
            return None
        found = [self.find(kind, unit, name) for name in names]
        known = tuple(type for type in found if type is not None)
        return known if len(known) == len(found) else None

    def _make(self, kind: Kind, found: Found) -> None:
        """Make a type, after those that it derives from."""
        chain: list[Found] = []
        parent: Type | None = None
        following: Found | None = found
        while following is not None and id(following.definition) not in self.types:
            if any(following.definition is one.definition for one in chain):
                self._cycle(chain[-1].definition, following.definition)
                break
            if len(chain) == MAX_DERIVATION:
                name = chain[-1].definition.derived_from
                message = f"{found.definition.name!r} derives from more than {MAX_DERIVATION} types in a row"
                self.report.error("too-deep", message, name)
                break
            chain.append(following)
            parent, following = self._parent(kind, following)
        if following is not None:
            parent = self.types.get(id(following.definition))
        for one in reversed(chain):
            made = CLASSES[kind](kind, one.definition.name, one.unit, one.definition, parent)
            unread = [key for key in one.definition.node.value if key not in TYPES[kind].keys]
            made.partial = bool(unread)
            made.uncertain |= parent is None and (
                one.definition.derived_from is not None or mistaken("derived_from", unread)
            )
            self.types[id(one.definition)] = parent = made

    def _parent(self, kind: Kind, found: Found) -> tuple[Type | None, Found | None]:
        """Return the built-in type that a type derives from, or else the definition of the one that it does."""
        name: Node | None = found.definition.derived_from
        if name is None:
            return None, None
        above = found.unit.type(kind, name.text)
        if above is not None:
            return None, above
        if kind is Kind.DATA:
            if name.text in data.BUILT_IN:
                return data.BUILT_IN[name.text], None
            if (old := self._old_scalar(name)) is not None:
                return old, None
        self._unknown(kind, found.unit, name)
        return None, None

    def _cycle(self, definition: TypeDefinition, again: TypeDefinition) -> None:
        assert definition.derived_from is not None
        message = f"{again.name!r} derives from itself"
        self.report.error("derivation-cycle", message, definition.derived_from)

    def _unknown(self, kind: Kind, unit: Unit, name: Node) -> None:
        if unit.uncertain(kind.value, name.text):
            return
        others = [other for other in Kind if other is not kind and unit.type(other, name.text) is not None]
        if others:
            hint = f"{name.text!r} is a{'n' if others[0].label[0] in 'ai' else ''} {others[0].label}"
        else:
            known = unit.names(kind.value) + (list(data.BUILT_IN) if kind is Kind.DATA else [])
            hint = suggest(name.text, known)
        self.report.error("unknown-type", f"there is no {kind.label} {name.text!r}", name, hint)

    def _old_scalar(self, name: Node) -> data.DataType | None:
        """The ``scalar-unit`` types of TOSCA 1.3, accepted with a warning although they are not built in any more."""
        units = _OLD_SCALARS.get(name.text)
        if units is None:
            return None
        message = f"{name.text!r} is not built in any more"
        hint = "define a data type with 'derived_from: scalar' (section 9.1.2.2 of the Standard)"
        self.report.warn("old-scalar", message, name, hint)
        if name.text not in self._old_scalars:
            made = data.DataType(Kind.DATA, name.text, None, None, data.BUILT_IN["scalar"])
            made.units = dict(units)
            made.canonical = next(iter(units))
            made.free = True
            made.number = data.BUILT_IN["integer" if name.text == "scalar-unit.size" else "float"]
            self._old_scalars[name.text] = made
        return self._old_scalars[name.text]


_OLD_SCALARS: dict[str, dict[str, int | float]] = {
    "scalar-unit.size": {
        "B": 1,
        **{
            f"{prefix}{infix}B": base**power
            for power, prefix in enumerate("kMGT", 1)
            for infix, base in (("", 1000), ("i", 1024))
        },
        "KiB": 1024,
    },
    "scalar-unit.time": {
        "s": 1.0,
        "ns": 1e-9,
        "us": 1e-6,
        "ms": 1e-3,
        "m": 60.0,
        "h": 3600.0,
        "d": 86400.0,
    },
    "scalar-unit.frequency": {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "scalar-unit.bitrate": {
        f"{prefix}{infix}{unit}": float(base**power * bits)
        for unit, bits in (("bps", 1), ("Bps", 8))
        for power, prefix in enumerate(("", *"KMGT"))
        for infix, base in (("", 1000), ("i", 1024))
        if prefix or not infix
    },
}
