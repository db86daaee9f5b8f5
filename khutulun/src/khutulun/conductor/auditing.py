"""The audit log (R104): who has asked for what, when, and what has become of it. The conductor and its parts write it.

What changes a directory (roles, secrets, plugins) is done in the transaction that writes it down, under ``audit``. What
is done to a service takes its time: under ``asked`` stands that it has begun, before anything is done, and how it has
ended. What somebody may not do is under ``denied``, apart, so that it cannot push anything else out. Inputs, arguments
and data are not written down: only their names.
"""

import time
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from floria import ids
from floria.entities import Vertex
from floria.ids import Id
from floria.store.interface import Reader, Record, Store, Transaction
from floria.values import Value
from khutulun import model
from khutulun.conductor import journals, progress
from khutulun.conductor.journals import Topic

TOPICS = (Topic.AUDIT, Topic.ASKED, Topic.DENIED)
MOST = 10_000
"""Entries that are read at once."""

BY = "asked"
"""Property of an execution: who has asked for it, and for what."""

_OWN = ("name", "by", "uid", "outcome", "problem", "request", "time", "execution")


class Outcome(StrEnum):
    """What has become of what somebody asked for."""

    BEGUN = "begun"  # and is going on, unless the server was killed in the middle of it
    DONE = "done"
    FAILED = "failed"
    DENIED = "denied"


class Asked(msgspec.Struct, frozen=True):
    """What somebody has asked for, of the service or the node `subject`."""

    request: str
    by: str
    uid: int
    action: str
    subject: str
    data: dict[str, Value]
    time: int
    execution: str = ""


def ask(principal: model.Principal, action: str, subject: str, data: dict[str, Value] | None = None) -> Asked:
    """Return what `principal` asks for now."""
    return Asked(ids.new(), principal.name, principal.uid, action, subject, data or {}, time.time_ns())


def begin(tx: Transaction, asked: Asked) -> None:
    """Write that something has begun; `end` says how it has ended."""
    _write(tx, asked, Outcome.BEGUN)


def begin_execution(
    tx: Transaction,
    principal: model.Principal,
    action: str,
    execution: Id,
    data: dict[str, Value] | None = None,
) -> None:
    """Write that an execution has begun, and into it who has asked for it."""
    vertex = tx.get(execution)
    assert isinstance(vertex, Vertex)
    subject = journals.service(vertex.directory, str(progress.value(vertex, "service")))
    asked = msgspec.structs.replace(ask(principal, action, subject, data), execution=execution)
    tx.put(progress.change(vertex, **{BY: journals.body(asked)}))
    begin(tx, asked)


def pass_on(tx: Transaction, before: Vertex, execution: Id, action: str) -> None:
    """Write that an execution follows from another one, as what the same user has asked for."""
    if (asked := asked_for(before)) is not None:
        principal = model.Principal(asked.uid, -1, asked.by)
        begin_execution(tx, principal, action, execution)


def end(tx: Transaction, asked: Asked, outcome: Outcome, problems: Iterable[model.Problem] = ()) -> None:
    """Write how something has ended."""
    _write(tx, asked, outcome, next(iter(problems), None))


def end_execution(tx: Transaction, execution: Vertex, well: bool) -> None:
    """Write how an execution has ended, if it is one that somebody has asked for."""
    if (asked := asked_for(execution)) is not None:
        problems = () if well else progress.problems(progress.steps(tx, execution.id))
        end(tx, asked, Outcome.DONE if well else Outcome.FAILED, problems)


def asked_for(execution: Vertex) -> Asked | None:
    """Return who has asked for an execution."""
    found = progress.value(execution, BY)
    return msgspec.convert(found, Asked) if found is not None else None


def deny(store: Store, principal: model.Principal, action: str, directory: str, problem: model.Problem) -> None:
    """Write that somebody may not do what was asked for."""
    asked = ask(principal, action, directory.rstrip("/"))
    with store.write() as tx:
        _write(tx, asked, Outcome.DENIED, problem, Topic.DENIED)


def read(reader: Reader, subject: str, limit: int) -> list[model.Audited]:
    """Return the newest entries of a directory or a service, in the order in which things were asked for."""
    limit = min(max(limit, 1), MOST)
    records = [
        record
        for topic in TOPICS
        for record in reader.journal(topic, subject=subject or None, limit=2 * limit, newest=True)
    ]
    found: dict[str, model.Audited] = {}
    for record in sorted(records, key=lambda one: one.position):
        found[record.key.partition("/")[0]] = _view(record)
    return sorted(found.values(), key=lambda one: (one.time, one.position))[-limit:]


def _write(
    tx: Transaction,
    asked: Asked,
    outcome: Outcome,
    problem: model.Problem | None = None,
    topic: Topic = Topic.ASKED,
) -> None:
    body: dict[str, Value] = {
        **asked.data,
        "name": asked.action,
        "by": asked.by,
        "uid": asked.uid,
        "outcome": outcome.value,
        "time": asked.time,
        "execution": asked.execution,
        "problem": journals.body(problem),
    }
    tx.append(topic, f"{asked.request}/{outcome}", body, subject=asked.subject)


def _view(record: Record) -> model.Audited:
    body = record.body if isinstance(record.body, dict) else {}
    service, node = journals.split(record.subject)
    place = journals.home(record.subject).rpartition("/")[0] if service else record.subject
    uid, asked = body.get("uid"), body.get("time")
    return model.Audited(
        position=record.position,
        time=asked if isinstance(asked, int) else record.time,
        ended=0 if body.get("outcome") == Outcome.BEGUN else record.time,
        by=str(body.get("by") or ""),
        uid=uid if isinstance(uid, int) else -1,
        action=str(body.get("name") or ""),
        outcome=str(body.get("outcome") or Outcome.DONE),
        directory=place or "/",
        service=service,
        node=node,
        execution=str(body.get("execution") or ""),
        data={name: value for name, value in body.items() if name not in _OWN},
        problem=msgspec.convert(body.get("problem"), model.Problem | None),
    )
