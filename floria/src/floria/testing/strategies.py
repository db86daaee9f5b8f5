"""Hypothesis strategies for values and entities of every kind."""

from typing import Any

from hypothesis import strategies as st

from floria import entities, ids, values
from floria.entities import Bundle, Entity, Failure, Finder, Handler, Property
from floria.values import Call, Value

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
keys = st.one_of(texts, st.sampled_from(["$bytes", "$float", "$a:b", "$", "$$", "no", "1", "<<", "~", "0o7"]))
tricky = st.one_of(
    st.sampled_from(["yes", "on", "null", "~", "", "010", "0o10", "0x1F", "1e3", "1_000", "12:30:45", "2020-01-01"]),
    st.sampled_from(
        ["#a", "a: b", "- a", "{a", "...", "---", "%TAG", "=", "<<", "\\", " a", "a ", "a: ", ".5", "-.inf"]
    ),
    st.sampled_from(
        ["a\n", "\na", "a\n\nb\n\n", "a\n...\n", "a\n  b\n", "a\r\nb", "\t", "\x85", "\u2028", "\ufeff", "\x7f"]
    ),
)
integers = st.integers(values.INTEGER_MIN, values.INTEGER_MAX)
floats = st.floats()
functions = st.sampled_from(["floria:get", "tosca:x y", "a.b-c:é"])
identifiers = st.binary(min_size=1, max_size=4).map(lambda data: ids.derive(data.hex()))
instants = st.integers(0, values.INTEGER_MAX)
class_names = st.lists(texts, max_size=3).map(tuple)


def _nested(leaves: st.SearchStrategy[Any], calls: bool) -> st.SearchStrategy[Any]:
    def extend(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        containers: list[st.SearchStrategy[Any]] = [
            st.lists(inner, max_size=4),
            st.dictionaries(keys, inner, max_size=4),
        ]
        if calls:
            containers.append(st.builds(Call, functions, st.lists(inner, max_size=3)))
        return st.one_of(*containers)

    return st.recursive(leaves, extend, max_leaves=10)


scalars = st.one_of(st.none(), st.booleans(), integers, floats, texts, tricky, st.binary(max_size=12))
literals: st.SearchStrategy[Value] = _nested(scalars, calls=False)
any_values: st.SearchStrategy[Value] = _nested(scalars, calls=True)
calls = st.builds(Call, functions, st.lists(any_values, max_size=3))
metadata = st.dictionaries(keys, literals, max_size=2)

failures = st.builds(
    Failure,
    code=texts,
    message=texts,
    time=instants,
    cause=st.none() | texts,
    retryable=st.booleans(),
    detail=any_values,
)
properties = st.builds(
    Property,
    value=any_values,
    error=st.none() | failures,
    updater=any_values,
    preparer=st.none() | calls,
    read_only=st.booleans(),
    classes=class_names,
    metadata=metadata,
    revision=st.integers(0, 99),
    time=instants,
    cause=st.none() | texts,
) | st.builds(Property)
handlers = st.builds(Handler, event=texts, call=calls, name=texts, condition=any_values, metadata=metadata)
directories = st.sampled_from(["/", "/a", "/a/b", "/é ü"])

_common: dict[str, st.SearchStrategy[Any]] = {
    "id": identifiers,
    "name": texts,
    "directory": directories,
    "classes": class_names,
    "metadata": metadata,
    "revision": st.integers(0, 99),
    "created": instants,
    "modified": instants,
}
_node = _common | {
    "properties": st.dictionaries(keys, properties, max_size=3),
    "handlers": st.lists(handlers, max_size=2).map(tuple),
}
_made: dict[str, st.SearchStrategy[Any]] = {
    "template": st.none() | identifiers,
    "index": st.integers(0, 9),
    "state": texts,
}
_amounts = st.dictionaries(keys, integers | st.floats(allow_nan=False), max_size=2)
finders = st.builds(
    Finder,
    classes=class_names,
    owner_classes=class_names,
    owner=st.none() | identifiers,
    owner_index=any_values,
    predicate=any_values,
    allocation=st.dictionaries(keys, any_values, max_size=2),
    select=st.none() | calls,
    scope=st.none() | directories,
)

kinds: dict[type[Any], st.SearchStrategy[Any]] = {
    entities.Directory: st.builds(entities.Directory, **_common, access=st.dictionaries(texts, texts, max_size=2)),
    entities.Class: st.builds(entities.Class, **_common, parents=class_names),
    entities.VertexTemplate: st.builds(
        entities.VertexTemplate, **_node, parent=st.none() | identifiers, count=any_values
    ),
    entities.EdgeTemplate: st.builds(
        entities.EdgeTemplate,
        **_node,
        source=identifiers,
        target=st.none() | identifiers,
        finder=st.none() | finders,
        count=any_values,
        optional=st.booleans(),
    ),
    entities.Vertex: st.builds(entities.Vertex, **_node, **_made, parent=st.none() | identifiers),
    entities.Edge: st.builds(
        entities.Edge, **_node, **_made, source=identifiers, target=identifiers, allocation=_amounts
    ),
    entities.Plugin: st.builds(
        entities.Plugin, **_common, digest=texts, carrier=texts, manifest=metadata, grants=metadata
    ),
}
any_entities: st.SearchStrategy[Entity] = st.one_of(*kinds.values())
bundles = st.builds(
    Bundle,
    root=identifiers,
    classes=st.lists(kinds[entities.Class], max_size=2).map(tuple),
    vertexes=st.lists(kinds[entities.VertexTemplate], max_size=2).map(tuple),
    edges=st.lists(kinds[entities.EdgeTemplate], max_size=2).map(tuple),
    plugins=st.lists(kinds[entities.Plugin], max_size=1).map(tuple),
    blobs=st.dictionaries(texts, texts, max_size=2),
    metadata=metadata,
)


def same(left: object, right: object) -> bool:
    """Whether two entities or values are alike to the last bit: types, sign of zero, NaN and order of keys included."""
    return repr(left) == repr(right)
