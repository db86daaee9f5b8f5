"""The entities of the graph (see docs/floria.md).

Frozen structs without behaviour: stores keep them, the engine makes and changes them (`msgspec.structs.replace`).
Children own their parent, edges own their endpoints; nothing here lists its children.
"""

from enum import StrEnum
from typing import TypeAlias, get_args

import msgspec

from floria import ids, values
from floria.ids import Id
from floria.values import Call, InvalidValue, Value


class Kind(StrEnum):
    """What an entity is."""

    DIRECTORY = "directory"
    CLASS = "class"
    VERTEX_TEMPLATE = "vertex-template"
    EDGE_TEMPLATE = "edge-template"
    VERTEX = "vertex"
    EDGE = "edge"
    PLUGIN = "plugin"


class Failure(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Why an evaluation has no result."""

    code: str
    message: str
    time: int = 0
    cause: str | None = None
    retryable: bool = False
    detail: Value = None


class Property(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A value or an error, and how it changes.

    `value` is unset until the first write. When an evaluation fails, `error` is set and `value` keeps what it was.
    `time` is Unix nanoseconds of the last write, `cause` the id of the event, transaction or operation behind it.
    A write passes through `preparer`: a call evaluated with the new value as the function library's ``$value``; what
    it returns is stored.
    """

    value: Value | msgspec.UnsetType = msgspec.UNSET
    error: Failure | None = None
    updater: Value | msgspec.UnsetType = msgspec.UNSET
    preparer: Call | None = None
    read_only: bool = False
    classes: tuple[str, ...] = ()
    metadata: dict[str, Value] = {}
    revision: int = 0
    time: int = 0
    cause: str | None = None


class Handler(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Binds an event name to a call. All handlers of an event run, in declared order."""

    event: str
    call: Call
    name: str = ""
    condition: Value | msgspec.UnsetType = msgspec.UNSET
    metadata: dict[str, Value] = {}


class _Entity(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="kind"
):
    """What all entities have. `directory` is an absolute path (``/`` is the root), `classes` holds every ancestor."""

    id: Id
    name: str = ""
    directory: str = "/"
    classes: tuple[str, ...] = ()
    metadata: dict[str, Value] = {}
    revision: int = 0
    created: int = 0
    modified: int = 0


class Directory(_Entity, frozen=True, kw_only=True, tag="directory"):
    """A path of names: `directory` is the parent, `name` the last segment. `access` maps a principal to a role."""

    access: dict[str, str] = {}


class Class(_Entity, frozen=True, kw_only=True, tag="class"):
    """A label: `name` is what entities carry in `classes`.

    Its own `classes` are all its ancestors, `parents` the direct ones.
    """

    parents: tuple[str, ...] = ()


class _Node(_Entity, frozen=True, kw_only=True):
    properties: dict[str, Property] = {}
    handlers: tuple[Handler, ...] = ()


class VertexTemplate(_Node, frozen=True, kw_only=True, tag="vertex-template"):
    """The design of a vertex. `parent` is the template that contains it; `count` of it are made (value or call)."""

    parent: Id | None = None
    count: Value = 1


class Finder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How an edge template finds its targets.

    A candidate carries all `classes`; its parent carries all `owner_classes` and, when `owner` is given, was made from
    that template or is that vertex, and has representation `owner_index` when that is given. Then `predicate` is
    evaluated on it: anything but true refuses it. `equal` has properties of the candidate and what the predicate wants
    them to be, where it is true of nothing else: candidates with another value are then not even looked at.
    `allocation` maps a capacity property of the candidate to the amount taken. `select` is a call that gets the ids of
    the accepted candidates and returns those to use, in order; without it, candidates of the same instantiation
    come first, then those with fewer edges of the same name, then the older.
    `scope` is a directory; candidates lie in it or below. Without it: the directory of the instantiation.
    """

    classes: tuple[str, ...] = ()
    owner_classes: tuple[str, ...] = ()
    owner: Id | None = None
    owner_index: Value = None
    predicate: Value = True
    equal: dict[str, str | int | float] = {}
    allocation: dict[str, Value] = {}
    select: Call | None = None
    scope: str | None = None


class EdgeTemplate(_Node, frozen=True, kw_only=True, tag="edge-template"):
    """The design of an edge from each vertex made of `source`. `target` is a vertex, or `finder` finds it.

    `count` edges to different targets are made; ``"unbounded"`` makes one to each candidate. When `optional`, finding
    fewer is no error.
    """

    source: Id
    target: Id | None = None
    finder: Finder | None = None
    count: Value = 1
    optional: bool = False


class Vertex(_Node, frozen=True, kw_only=True, tag="vertex"):
    """What exists. `index` tells representations of one template apart."""

    parent: Id | None = None
    template: Id | None = None
    index: int = 0
    state: str = ""


class Edge(_Node, frozen=True, kw_only=True, tag="edge"):
    """A relationship that exists, from vertex `source` to vertex `target`."""

    source: Id
    target: Id
    template: Id | None = None
    index: int = 0
    state: str = ""
    allocation: dict[str, int | float] = {}


class Plugin(_Entity, frozen=True, kw_only=True, tag="plugin"):
    """A plugin by `name`, as seen from its directory and below: `digest` of its blob, `carrier`, manifest, grants."""

    digest: str
    carrier: str
    manifest: dict[str, Value] = {}
    grants: dict[str, Value] = {}


Entity: TypeAlias = Directory | Class | VertexTemplate | EdgeTemplate | Vertex | Edge | Plugin


class Bundle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A design ready to be instantiated: what a frontend compiles to, and what a Floria template file holds.

    Self-contained. `root` is the vertex template of the whole service: its properties are the inputs (and the outputs,
    with the class ``floria:output``); everything else is contained in it. Template ids are derived from names, so
    compiling twice gives the same bundle. `blobs` maps a file's path to the digest of its content.
    """

    root: Id
    classes: tuple[Class, ...] = ()
    vertexes: tuple[VertexTemplate, ...] = ()
    edges: tuple[EdgeTemplate, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    blobs: dict[str, str] = {}
    metadata: dict[str, Value] = {}


_KINDS = {type: Kind(type.__struct_config__.tag) for type in get_args(Entity)}


def kind_of(entity: Entity) -> Kind:
    """Return what `entity` is."""
    return _KINDS[type(entity)]


def check(item: Entity | Bundle, known: Entity | None = None) -> None:
    """Raise `InvalidValue`, with the place, when `item` holds an id, a directory or a value that is none.

    Metadata is literal: a call in it is refused. `known` is an entity that was checked before: the parts that are the
    same are not looked at again.
    """
    if isinstance(item, Bundle):
        _check_id(item.root, "root")
        _check_metadata(item.metadata, "metadata")
        members: tuple[Entity, ...] = (*item.classes, *item.vertexes, *item.edges, *item.plugins)
        for member in members:
            check(member)
        return
    where = f"{item.name or item.id}: "
    _check_id(item.id, where + "id")
    for name in ("parent", "template", "source", "target"):
        if (reference := getattr(item, name, None)) is not None:
            _check_id(reference, where + name)
    check_directory(item.directory, where + "directory")
    if known is None or item.metadata != known.metadata:
        _check_metadata(item.metadata, where + "metadata")
    match item:
        case VertexTemplate() | EdgeTemplate() | Vertex() | Edge():
            _check_node(item, where, known if isinstance(known, type(item)) else None)
        case Plugin():
            values.check(item.manifest, where + "manifest")
            values.check(item.grants, where + "grants")


def check_directory(path: str, where: str = "directory") -> None:
    """Raise `InvalidValue` unless `path` is absolute and normal: ``/`` or ``/name/name``."""
    names = path[1:].split("/")
    if path != "/" and (path[:1] != "/" or any(name in ("", ".", "..") for name in names)):
        raise InvalidValue(f"{where} is {path!r}; '/' or '/name/name' was expected")
    values.check(path, where)


def _check_node(
    item: VertexTemplate | EdgeTemplate | Vertex | Edge,
    where: str,
    known: VertexTemplate | EdgeTemplate | Vertex | Edge | None,
) -> None:
    before = known.properties if known is not None else {}
    for name, property in item.properties.items():
        if property == before.get(name):
            continue
        place = f"{where}properties.{name}"
        detail = property.error.detail if property.error is not None else None
        for part in (property.value, property.updater, property.preparer, detail):
            if part is not None and part is not msgspec.UNSET:
                values.check(part, place)
        if property.metadata:
            _check_metadata(property.metadata, place + ".metadata")
    same = known is not None and item.handlers == known.handlers
    for index, handler in enumerate(() if same else item.handlers):
        values.check(handler.call, f"{where}handlers[{index}]")
        if handler.condition is not msgspec.UNSET:
            values.check(handler.condition, f"{where}handlers[{index}].condition")
        _check_metadata(handler.metadata, f"{where}handlers[{index}].metadata")
    if isinstance(item, VertexTemplate | EdgeTemplate):
        values.check(item.count, where + "count")
    if isinstance(item, EdgeTemplate) and item.finder is not None:
        for part in (item.finder.owner_index, item.finder.predicate, item.finder.allocation, item.finder.select):
            values.check(part, where + "finder")


def _check_id(id: Id, where: str) -> None:
    try:
        ids.parse(id)
    except ids.InvalidId as error:
        raise InvalidValue(f"{where}: {error}") from None


def _check_metadata(metadata: dict[str, Value], where: str) -> None:
    if not metadata:
        return
    values.check(metadata, where)
    if not values.is_literal(metadata):
        raise InvalidValue(f"{where} holds a call; metadata is literal")
