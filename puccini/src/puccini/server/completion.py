"""What may be written at the cursor: keynames, names and values (`textDocument/completion`)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from puccini import dialects
from puccini.describing import text as texts
from puccini.describing import types as describing
from puccini.functions.signatures import SIGNATURES
from puccini.grammar.types import Kind
from puccini.model.data import BUILT_IN, Base, Property, Schema
from puccini.model.type import Type
from puccini.model.types import NodeType, Requirement
from puccini.server import paths, structure
from puccini.server.cursor import MARK, Cursor
from puccini.server.structure import Form, Place, Refers, World
from puccini.units import FUNCTIONS, REPOSITORIES


class Sort(StrEnum):
    """What a suggestion is, for its icon."""

    KEYNAME = "keyname"
    TYPE = "type"
    NAME = "name"
    PROPERTY = "property"
    FUNCTION = "function"
    VALUE = "value"
    FILE = "file"


class Suggestion(NamedTuple):
    """A word that may stand here. `after` follows it, such as the colon of a key; `rank` sorts, lowest first."""

    word: str
    sort: Sort
    detail: str = ""
    about: str = ""
    after: str = ""
    rank: int = 1


class Around(NamedTuple):
    """What is not in any file: gives the TOSCA files that could be imported, and the profiles."""

    files: Callable[[], Iterable[str]]
    profiles: Callable[[], Iterable[str]]


_SECTIONS: Mapping[Refers, str] = {
    Refers.NODE: "node_templates",
    Refers.RELATIONSHIP: "relationship_templates",
    Refers.GROUP: "groups",
    Refers.INPUT: "inputs",
    Refers.WORKFLOW: "workflows",
}
_PATHS = {name for name, signature in SIGNATURES.items() if signature.path}


def find(world: World, cursor: Cursor, around: Around) -> list[Suggestion]:
    """Return everything that may stand at `cursor`, best first."""
    place = locate(world, cursor)
    found = {one.word: one for one in _at(place, cursor, around) if one.word and one.word != MARK}
    return sorted(found.values(), key=lambda one: (one.rank, one.word))


def locate(world: World, cursor: Cursor) -> Place:
    """Return the place of `cursor`."""
    place = structure.top(world)
    for length, key in enumerate(cursor.path, 1):
        place = place.step(key, _sibling(cursor, cursor.path[:length]))
    return place


def _sibling(cursor: Cursor, path: tuple[Any, ...]) -> structure.Sibling:
    def sibling(key: str) -> str | None:
        entries = cursor.beside(path)
        found = entries.get(key) if isinstance(entries, dict) else None
        return found if isinstance(found, str) else None

    return sibling


def _at(place: Place, cursor: Cursor, around: Around) -> Iterator[Suggestion]:
    written = cursor.beside(cursor.path)
    there = written if isinstance(written, dict) else {}
    match place.form:
        case Form.CONSTRUCT if place.construct is not None:
            if cursor.on_key:
                yield from _keynames(place, there)
            if not cursor.on_key or (len(there) == 1 and _is_item(cursor)):
                short = place.short()
                yield from _references(short, cursor, around) if short.form is Form.REFERENCE else ()
        case Form.MAP | Form.ENTRY | Form.VALUES if cursor.on_key:
            yield from _names(place, there)
        case Form.REFERENCE:
            yield from _references(place, cursor, around)
        case Form.VALUE | Form.VALUES:
            yield from _values(place, cursor, there)


def _is_item(cursor: Cursor) -> bool:
    """Whether the cursor is where an item of a list begins."""
    return bool(cursor.path) and isinstance(cursor.path[-1], int)


def _keynames(place: Place, there: Mapping[Any, Any]) -> Iterator[Suggestion]:
    assert place.construct is not None
    if dialects.is_old(place.world.unit.root):
        for name in dialects.keynames(place.construct.title):
            if name not in there:
                yield Suggestion(name, Sort.KEYNAME, after=": ", rank=2 if name in ("metadata", "description") else 1)
        return
    for name, key in place.construct.keys.items():
        if name not in there and not key.note:
            detail = "mandatory" if key.mandatory else ""
            rank = 0 if key.mandatory else 2 if name in ("metadata", "description") else 1
            yield Suggestion(name, Sort.KEYNAME, detail, after=": ", rank=rank)


def _names(place: Place, there: Mapping[Any, Any]) -> Iterator[Suggestion]:
    for name, thing in place.names.items():
        if name in there and place.form is not Form.ENTRY:
            continue
        if isinstance(thing, Property):
            yield _property(name, thing, after=": ")
        else:
            type = getattr(thing, "type", None)
            yield Suggestion(name, Sort.NAME, type.name if isinstance(type, Type) else "", after=": ")


def _property(name: str, found: Property, after: str = "") -> Suggestion:
    data = describing.one(found)
    needed = found.required and "default" not in data and "value" not in data
    return Suggestion(name, Sort.PROPERTY, texts.summary(data), found.description, after, 0 if needed else 1)


def _references(place: Place, cursor: Cursor, around: Around) -> Iterator[Suggestion]:
    for refers in place.refers:
        if isinstance(refers, Kind):
            yield from _types(place, refers)
        elif refers in _SECTIONS:
            for name, written in _section(cursor, _SECTIONS[refers]).items():
                fits = _fits(place, name)
                yield Suggestion(name, Sort.NAME, _type_of(written), rank=0 if fits else 1)
        elif refers is Refers.STEP:
            steps = cursor.beside(cursor.path[: cursor.path.index("steps") + 1]) if "steps" in cursor.path else {}
            yield from (Suggestion(name, Sort.NAME) for name in steps or {})
        elif refers is Refers.REPOSITORY:
            yield from (Suggestion(name, Sort.NAME) for name in place.world.unit.names(REPOSITORIES))
        elif refers is Refers.IMPORT:
            yield from (Suggestion(name, Sort.FILE) for name in around.files())
        elif refers is Refers.PROFILE:
            yield from (Suggestion(name, Sort.FILE) for name in around.profiles())
        elif refers is Refers.REQUIREMENT:
            yield from (Suggestion(name, Sort.NAME) for name in _requirements(place, cursor))
        elif refers is Refers.ARTIFACT:
            yield from (Suggestion(name, Sort.NAME) for name in _artifacts(cursor))


def _types(place: Place, kind: Kind) -> Iterator[Suggestion]:
    for name in place.world.unit.names(kind.value):
        found = place.world.type(kind, name)
        if found is not None and found.definition is not None:
            detail = ", ".join(one.name for one in found.ancestors[1:])
            yield Suggestion(name, Sort.TYPE, f"from {detail}" if detail else "", found.definition.description)
    if kind is Kind.DATA:
        for name in BUILT_IN:
            yield Suggestion(name, Sort.TYPE, "built in", rank=0)


def _fits(place: Place, name: str) -> bool:
    """Whether a requirement can lead to a node template."""
    requirement, service = place.owner, place.world.service
    if not isinstance(requirement, Requirement) or requirement.capability_type is None or service is None:
        return False
    template = service.nodes.get(name)
    if template is None or template.type is None:
        return False
    return any(one.type.derives(requirement.capability_type) for one in template.type.capabilities.values())


def _section(cursor: Cursor, section: str) -> Mapping[str, Any]:
    found = cursor.beside(("service_template", section)) or cursor.beside(("topology_template", section))
    return {name: one for name, one in found.items() if isinstance(name, str)} if isinstance(found, dict) else {}


def _type_of(written: Any) -> str:
    found = written.get("type") if isinstance(written, dict) else None
    return found if isinstance(found, str) else ""


def _requirements(place: Place, cursor: Cursor) -> Iterable[str]:
    step = cursor.beside(cursor.path[:-1])
    target = step.get("target") if isinstance(step, dict) else None
    service = place.world.service
    template = service.nodes.get(target) if service is not None and isinstance(target, str) else None
    return template.type.requirements if template is not None and template.type is not None else ()


def _artifacts(cursor: Cursor) -> Iterable[str]:
    for length in range(len(cursor.path), 0, -1):
        around = cursor.beside(cursor.path[:length])
        if isinstance(around, dict) and isinstance(around.get("artifacts"), dict):
            return [name for name in around["artifacts"] if isinstance(name, str)]
    return ()


def _values(place: Place, cursor: Cursor, there: Mapping[Any, Any]) -> Iterator[Suggestion]:
    call = next((index for index in range(len(cursor.path) - 1, -1, -1) if _is_call(cursor.path[index])), None)
    if call is not None and len(cursor.path) - call <= 2:
        arguments = cursor.beside(cursor.path[: call + 1])
        index = cursor.path[call + 1] if len(cursor.path) > call + 1 else 0
        yield from _arguments(str(cursor.path[call])[1:], arguments, index, place, cursor)
    schema = place.owner if isinstance(place.owner, Schema) else None
    if schema is not None and call is None:
        if schema.base is Base.BOOLEAN:
            yield from (Suggestion(word, Sort.VALUE, rank=0) for word in ("true", "false"))
        if schema.base is Base.COMPLEX and cursor.on_key:
            yield from (_property(name, one, ": ") for name, one in schema.type.properties.items() if name not in there)
    if cursor.on_key or cursor.word.startswith("$"):
        yield from _functions(place.world, cursor.on_key)


def _is_call(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("$") and not key.startswith("$$")


def _functions(world: World, on_key: bool) -> Iterator[Suggestion]:
    after = ": " if on_key else ""
    for name, signature in SIGNATURES.items():
        yield Suggestion(
            f"${name}", Sort.FUNCTION, f"{signature.expectation}, gives {signature.result}", after=after, rank=3
        )
    for name in world.unit.names(FUNCTIONS):
        yield Suggestion(f"${name}", Sort.FUNCTION, "defined here", after=after, rank=3)


def _arguments(name: str, arguments: Any, index: Any, place: Place, cursor: Cursor) -> Iterator[Suggestion]:
    if name == "get_input" and index == 0:
        for input, written in _section(cursor, "inputs").items():
            yield Suggestion(input, Sort.NAME, _type_of(written), rank=0)
    if name not in _PATHS:
        return
    if index == 0:
        yield Suggestion("SELF", Sort.VALUE, rank=0)
        for node, written in _section(cursor, "node_templates").items():
            yield Suggestion(node, Sort.NAME, _type_of(written), rank=0)
    elif isinstance(index, int) and isinstance(arguments, list):
        type = _named(arguments[0], place, cursor)
        end = paths.end(type, arguments[1:index]) if type is not None else None
        if end is not None:
            yield from _tokens(end, name)


def _tokens(end: paths.End, function: str) -> Iterator[Suggestion]:
    """What may follow in a TOSCA path that has led to `end`."""
    for word in end.words:
        yield Suggestion(word, Sort.VALUE)
    for section in end.sections(function):
        for key, one in getattr(end.holder, section, {}).items():
            if isinstance(one, Property):
                yield _property(key, one)
            else:
                type = getattr(one, "type", None) or getattr(one, "capability_type", None)
                yield Suggestion(key, Sort.NAME, type.name if isinstance(type, Type) else "", rank=0)


def _named(start: Any, place: Place, cursor: Cursor) -> NodeType | None:
    """Return the type of the node that a TOSCA path begins with."""
    if start == "SELF" and cursor.path[0] == Kind.NODE and len(cursor.path) > 1:
        own = place.world.type(Kind.NODE, str(cursor.path[1]))
        return own if isinstance(own, NodeType) else None
    if start == "SELF" and cursor.path[:2] == ("service_template", "node_templates") and len(cursor.path) > 2:
        start = cursor.path[2]
    written = _section(cursor, "node_templates").get(start) if isinstance(start, str) else None
    found = place.world.type(Kind.NODE, _type_of(written))
    return found if isinstance(found, NodeType) else None
