"""Queries and path expressions as SQL.

Conditions on properties are not part of it: the reader tests them on the entities that it decodes anyway.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from floria.ids import Id
from floria.store.interface import Axis, Query, Step

STEPS_AT_ONCE = 16


class Statement(NamedTuple):
    """SQL and its arguments."""

    sql: str
    arguments: list[object]


def query(query: Query, classes: Sequence[int]) -> Statement:
    """Return the statement for the bodies that `query` selects, in order of id. `classes` are its, rarest first."""
    source, conditions, arguments = _source(query, classes)
    prefix = _WITHIN if query.within is not None else ""
    if query.within is not None:
        arguments = [query.within, *arguments]
    driven = " c CROSS JOIN " in source
    for condition, values in _conditions(query, classes[1:] if driven else classes):
        conditions.append(condition)
        arguments.extend(values)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "c.id" if driven else "e.id"
    statement = f"{prefix}SELECT e.body FROM {source}{where} ORDER BY {order}"
    if query.limit is not None and not query.where:
        statement += " LIMIT ?"
        arguments.append(query.limit)
    return Statement(statement, arguments)


def path(start: Sequence[Id], steps: Sequence[Step], classes: dict[str, int]) -> Statement:
    """Return the statement for the keys, ids and bodies at the end of a path (at most `STEPS_AT_ONCE` steps)."""
    parts = ["s0(k) AS MATERIALIZED (SELECT k FROM entity WHERE id IN (SELECT value FROM json_each(?)))"]
    arguments: list[object] = [json.dumps(list(start))]
    for number, step in enumerate(steps, 1):
        conditions, values = _step_conditions(step, classes)
        join = " JOIN entity e ON e.k = x.k" if conditions else ""
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        inner = _AXES[step.axis].format(before=f"s{number - 1}")
        parts.append(f"s{number}(k) AS MATERIALIZED (SELECT DISTINCT x.k FROM ({inner}) x{join}{where})")
        arguments.extend(values)
    columns = "id, body" if steps and steps[-1].where else "id, NULL"
    final = f"SELECT {columns} FROM s{len(steps)} JOIN entity USING (k) ORDER BY id"
    return Statement(f"WITH RECURSIVE {', '.join(parts)} {final}", arguments)


def _source(query: Query, classes: Sequence[int]) -> tuple[str, list[str], list[object]]:
    """Return the table to begin with: the one that leaves the least to look at."""
    if query.parent is not None:
        index = "entity_parent"
    elif query.within is not None:
        return "within w CROSS JOIN entity e ON e.k = w.k", [], []
    elif query.template is not None:
        index = "entity_template"
    elif query.name is not None:
        index = "entity_name"
    elif classes:
        conditions = ["c.class = ?"]
        arguments: list[object] = [classes[0]]
        if query.after is not None:
            conditions.append("c.id > ?")
            arguments.append(query.after)
        return "entity_class c CROSS JOIN entity e ON e.k = c.entity", conditions, arguments
    elif len(query.kinds) == 1:
        index = "entity_kind"
    elif query.directory is not None and not query.recursive:
        index = "entity_directory"
    else:
        return "entity e", [], []
    return f"entity e INDEXED BY {index}", [], []


def _conditions(query: Query, classes: Sequence[int]) -> list[tuple[str, list[object]]]:
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
    if query.directory is not None:
        conditions.extend(_directory_conditions(query.directory, query.recursive))
    if query.after is not None:
        conditions.append(("e.id > ?", [query.after]))
    conditions.extend((_HAS_CLASS, [key]) for key in classes)
    return conditions


def _directory_conditions(path: str, recursive: bool) -> list[tuple[str, list[object]]]:
    if not recursive:
        return [("e.directory = (SELECT k FROM directory WHERE path = ?)", [path])]
    if path == "/":
        return []
    below = "SELECT k FROM directory WHERE path = ? OR (path > ? AND path < ?)"
    return [(f"e.directory IN ({below})", [path, path + "/", path + "0"])]


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
