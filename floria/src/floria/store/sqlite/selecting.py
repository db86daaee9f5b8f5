"""Queries and path expressions as SQL.

Conditions on properties are not part of it: the reader tests them on the entities that it decodes anyway.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from floria.ids import Id
from floria.store.interface import Axis, Query, Step

STEPS_AT_ONCE = 16
SMALL = 10_000  # so many entities are sorted faster than a page is looked for among all


class Statement(NamedTuple):
    """SQL and its arguments."""

    sql: str
    arguments: list[object]


class _Start(NamedTuple):
    """The table that a query begins with, and its conditions."""

    source: str
    id: str = "e.id"
    conditions: tuple[tuple[str, list[object]], ...] = ()
    classes: int = 0
    directory: bool = False


def query(query: Query, classes: Sequence[tuple[int, int]], inside: int | None) -> Statement:
    """Return the statement for the bodies that `query` selects, in order of id.

    `classes` are the sizes and keys of its classes, smallest first; `inside` is the size of its directory.
    """
    start = _start(query, classes, inside)
    conditions = [*start.conditions, *_conditions(query, [key for _, key in classes[start.classes :]], start.directory)]
    arguments: list[object] = [value for _, values in conditions for value in values]
    prefix = ""
    if query.within is not None:
        prefix = _WITHIN
        arguments.insert(0, query.within)
    where = " AND ".join(condition for condition, _ in conditions) or "true"
    sql = f"{prefix}SELECT e.body FROM {start.source} WHERE {where} ORDER BY {start.id}"
    if query.limit is not None and not query.where:
        sql += " LIMIT ?"
        arguments.append(query.limit)
    return Statement(sql, arguments)


def is_near(query: Query) -> bool:
    """Whether a query begins at an entity or a name, however large its directory is."""
    return any(one is not None for one in (query.parent, query.within, query.template, query.name))


def directory(path: str, recursive: bool) -> Statement:
    """Return the condition for the rows ``d`` of a directory, and of those below it."""
    if not recursive:
        return Statement("d.path = ?", [path])
    return Statement("(d.path = ? OR (d.path > ? AND d.path < ?))", [path, path + "/", path + "0"])


def path(start: Sequence[Id], steps: Sequence[Step], classes: dict[str, int]) -> Statement:
    """Return the statement for the keys, ids and bodies at the end of a path (at most `STEPS_AT_ONCE` steps)."""
    if len(start) == 1 and len(steps) == 1 and steps[0].axis in _NEAR:
        return _near(start[0], steps[0], classes)
    parts = ["s0(k) AS MATERIALIZED (SELECT k FROM entity WHERE id IN (SELECT value FROM json_each(?)))"]
    arguments: list[object] = [json.dumps(list(start))]
    for number, step in enumerate(steps, 1):
        conditions, values = _step_conditions(step, classes)
        join = " CROSS JOIN entity e ON e.k = x.k" if conditions else ""
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        inner = _AXES[step.axis].format(before=f"s{number - 1}")
        parts.append(f"s{number}(k) AS MATERIALIZED (SELECT DISTINCT x.k FROM ({inner}) x{join}{where})")
        arguments.extend(values)
    columns = "id, body" if steps and steps[-1].where else "id, NULL"
    final = f"SELECT {columns} FROM s{len(steps)} JOIN entity USING (k) ORDER BY id"
    return Statement(f"WITH RECURSIVE {', '.join(parts)} {final}", arguments)


def _near(start: Id, step: Step, classes: dict[str, int]) -> Statement:
    """Return the statement of a path that is one step from one entity, as most are: without tables in between."""
    conditions, arguments = _step_conditions(step, classes)
    columns = "e.id, e.body" if step.where else "e.id, NULL"
    where = " AND ".join([f"{_NEAR[step.axis]} = (SELECT k FROM entity WHERE id = ?)", *conditions])
    return Statement(f"SELECT {columns} FROM {_BESIDE[step.axis]} WHERE {where} ORDER BY e.id", [start, *arguments])


def _start(query: Query, classes: Sequence[tuple[int, int]], inside: int | None) -> _Start:
    """Return the table to begin with: the one that leaves the least to look at."""
    if query.parent is not None:
        return _Start("entity e INDEXED BY entity_parent")
    if query.within is not None:
        return _Start("within w CROSS JOIN entity e ON e.k = w.k")
    if query.template is not None:
        return _Start("entity e INDEXED BY entity_template")
    if query.name is not None:
        return _Start("entity e INDEXED BY entity_name")
    if inside is not None and inside < (classes[0][0] if classes else SMALL):
        condition = directory(query.directory or "/", query.recursive)
        source = "directory d CROSS JOIN entity e INDEXED BY entity_directory ON e.directory = d.k"
        return _Start(source, conditions=((condition.sql, condition.arguments),), directory=True)
    if classes:
        conditions: list[tuple[str, list[object]]] = [("c.class = ?", [classes[0][1]])]
        if query.after is not None:
            conditions.append(("c.id > ?", [query.after]))
        source = "entity_class c CROSS JOIN entity e ON e.k = c.entity"
        return _Start(source, "c.id", tuple(conditions), classes=1)
    if len(query.kinds) == 1:
        return _Start("entity e INDEXED BY entity_kind")
    return _Start("entity e")


def _conditions(query: Query, classes: Sequence[int], in_directory: bool) -> list[tuple[str, list[object]]]:
    conditions: list[tuple[str, list[object]]] = []
    if query.parent is not None:
        conditions.append(("e.parent = (SELECT k FROM entity WHERE id = ?)", [query.parent]))
        if query.within is not None:
            conditions.append(("e.k IN (SELECT k FROM within)", []))
    if query.template is not None:
        conditions.append(("e.template = ?", [query.template]))
    if query.name is not None:
        conditions.append(("e.name = ?", [query.name]))
    if len(query.kinds) == 1:
        conditions.append(("e.kind = ?", [query.kinds[0].value]))
    elif query.kinds:
        places = ", ".join("?" * len(query.kinds))
        conditions.append((f"e.kind IN ({places})", [kind.value for kind in query.kinds]))
    if query.directory is not None and not in_directory and not (query.recursive and query.directory == "/"):
        condition = directory(query.directory, query.recursive)
        inside = "IN" if query.recursive else "="
        conditions.append(
            (f"e.directory {inside} (SELECT d.k FROM directory d WHERE {condition.sql})", condition.arguments)
        )
    if query.after is not None:
        conditions.append(("e.id > ?", [query.after]))
    conditions.extend((_HAS_CLASS, [key]) for key in classes)
    return conditions


def _step_conditions(step: Step, classes: dict[str, int]) -> tuple[list[str], list[object]]:
    conditions: list[str] = []
    arguments: list[object] = []
    if step.name is not None:
        conditions.append("e.name = ?")
        arguments.append(step.name)
    for name in step.classes:
        conditions.append(_HAS_CLASS)
        arguments.append(classes.get(name, -1))
    return conditions, arguments


_HAS_CLASS = "EXISTS (SELECT 1 FROM entity_class WHERE class = ? AND id = e.id)"
_WITHIN = (
    "WITH RECURSIVE within(k) AS (SELECT c.k FROM entity p JOIN entity c ON c.parent = p.k WHERE p.id = ?"
    " UNION SELECT c.k FROM within w JOIN entity c ON c.parent = w.k) "
)
_NEAR = {Axis.OUT: "x.source", Axis.IN: "x.target", Axis.CHILDREN: "e.parent"}
_BESIDE = {
    Axis.OUT: "edge x CROSS JOIN entity e ON e.k = x.k",
    Axis.IN: "edge x CROSS JOIN entity e ON e.k = x.k",
    Axis.CHILDREN: "entity e INDEXED BY entity_parent",
}
_AXES = {
    Axis.OUT: "SELECT edge.k FROM {before} b CROSS JOIN edge ON edge.source = b.k",
    Axis.IN: "SELECT edge.k FROM {before} b CROSS JOIN edge ON edge.target = b.k",
    Axis.SOURCE: "SELECT edge.source AS k FROM {before} b CROSS JOIN edge ON edge.k = b.k",
    Axis.TARGET: "SELECT edge.target AS k FROM {before} b CROSS JOIN edge ON edge.k = b.k WHERE target IS NOT NULL",
    Axis.PARENT: "SELECT e.parent AS k FROM {before} b CROSS JOIN entity e ON e.k = b.k WHERE e.parent IS NOT NULL",
    Axis.CHILDREN: "SELECT e.k FROM {before} b CROSS JOIN entity e ON e.parent = b.k",
    Axis.ANCESTORS: (
        "WITH RECURSIVE up(k) AS (SELECT e.parent FROM {before} b CROSS JOIN entity e ON e.k = b.k"
        " WHERE e.parent IS NOT NULL UNION SELECT e.parent FROM up CROSS JOIN entity e ON e.k = up.k"
        " WHERE e.parent IS NOT NULL) SELECT k FROM up"
    ),
    Axis.DESCENDANTS: (
        "WITH RECURSIVE down(k) AS (SELECT e.k FROM {before} b CROSS JOIN entity e ON e.parent = b.k"
        " UNION SELECT e.k FROM down CROSS JOIN entity e ON e.parent = down.k) SELECT k FROM down"
    ),
}
