"""Whole graphs as JSON lines: for looking, for moving between backends, for merging into another store.

The first line says what the file is. Then, one a line and in an order in which they can be read in: blobs (in
pieces), entities, allocations, claims, journal records. An import writes anew: revisions begin at 1 and times are its
own, except those of records. A backup keeps everything (`floria.store.interface.Store.backup`).
"""

import base64
import binascii
import json
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

import msgspec

from floria import codec, entities, ids
from floria.entities import Entity, Kind
from floria.ids import Id
from floria.store.interface import Query, Reader, Store, StoreError, Transaction

VERSION = 1
CHUNK = 768 * 1024
PAGE = 1000
_ORDER = (
    (Kind.DIRECTORY, Kind.CLASS, Kind.PLUGIN),
    (Kind.VERTEX_TEMPLATE,),
    (Kind.VERTEX,),
    (Kind.EDGE_TEMPLATE,),
    (Kind.EDGE,),
)
Progress = Callable[[str], None]


class ExportError(StoreError):
    """What is read in is no export, or cannot be taken; the store is as it was."""


def write(store: Store, file: BinaryIO, *, blobs: bool = False, progress: Progress = lambda what: None) -> None:
    """Write all of `store` as one moment of it; `progress` is called with the sort of each thing."""
    with store.read() as reader:
        _line(file, {"floria": "export", "version": VERSION})
        for digest in store.blobs() if blobs else ():
            _write_blob(store, digest, file)
            progress("blob")
        for entity in _in_order(reader):
            _line(file, {"entity": codec.entity_to_plain(entity)})
            progress("entity")
        for allocation in reader.allocations():
            _line(file, {"allocation": msgspec.to_builtins(allocation)})
        for space in reader.spaces():
            for key, holder in reader.claims(space).items():
                _line(file, {"claim": {"space": space, "key": key, "holder": holder}})
        for topic in reader.topics():
            _write_journal(reader, topic, file, progress)


def read(
    store: Store, file: BinaryIO, *, name: str = "export", replace: bool = False, progress: Progress = lambda what: None
) -> None:
    """Read in what `write` wrote, all or nothing. With `replace`, entities that are there are overwritten.

    Raises `ExportError` and what transactions raise.
    """
    lines = _lines(file, name)
    _check_header(next(lines, (1, {})), name)
    existing, added = set(store.blobs()), set[str]()
    try:
        with store.write() as transaction:
            reading = _Reading(store, transaction, replace, added, progress)
            for number, line in lines:
                _take(reading, line, f"{name}:{number}")
            reading.end(name)
    except BaseException:
        for digest in added - existing:
            store.delete_blob(digest)
        raise


def _take(reading: "_Reading", line: dict[str, Any], where: str) -> None:
    try:
        reading.take(line, where)
    except codec.CodecError as error:
        raise ExportError(str(error) if error.name else f"{where}: {error}") from None
    except StoreError as error:
        if isinstance(error, ExportError):
            raise
        raise ExportError(f"{where}: {error}", error.hint) from error


class _Reading:
    """Takes one line after the other into a transaction."""

    def __init__(
        self, store: Store, transaction: Transaction, replace: bool, added: set[str], progress: Progress
    ) -> None:
        self._store = store
        self._transaction = transaction
        self._replace = replace
        self._added = added
        self._progress = progress
        self._blob: Any = None
        self._held = {
            (allocation.target, allocation.name, allocation.holder): allocation.amount
            for allocation in transaction.allocations()
        }

    def take(self, line: dict[str, Any], where: str) -> None:
        match line:
            case {"entity": entity}:
                self._take_entity(codec.entity_from_plain(entity, where))
            case {"blob": str(digest), "data": str(data), "last": bool(last)}:
                self._take_blob(digest, data, last, where)
            case {"allocation": {"target": target, "name": str(name), "holder": holder, "amount": amount}}:
                self._take_allocation(_id(target, where), name, amount, _id(holder, where))
            case {"claim": {"space": str(space), "key": str(key), "holder": holder}}:
                self._transaction.claim(space, key, _id(holder, where))
            case {"record": {"topic": str(topic), "key": str(key), "time": int(time), "subject": str(subject), **rest}}:
                body = codec.from_plain(rest.get("body"))
                self._transaction.append(topic, key, body, subject=subject, time=time)
                self._progress("record")
            case _:
                raise ExportError(f"{where}: {_shortened(line)} is not known", "is it an export of a newer version?")

    def end(self, name: str) -> None:
        """Refuse an export that ends in the midst of a blob."""
        if self._blob is not None:
            self._blob.close()
            raise ExportError(f"{name}: it ends in the midst of a blob", "export again")

    def _take_entity(self, entity: Entity) -> None:
        found = self._transaction.get(entity.id)
        if found is not None and not self._replace:
            raise ExportError(
                f"{entities.kind_of(entity)} {entity.name or entity.id} is there already ({entity.id})",
                "use --replace to overwrite what is there",
            )
        revision = 0 if found is None else found.revision
        self._transaction.put(msgspec.structs.replace(entity, revision=revision))
        self._progress("entity")

    def _take_allocation(self, target: Id, name: str, amount: Any, holder: Id) -> None:
        held = self._held.get((target, name, holder), 0)
        if amount > held:
            self._transaction.allocate(target, name, amount - held, holder)

    def _take_blob(self, digest: str, data: str, last: bool, where: str) -> None:
        if self._blob is None:
            self._blob = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._blob.write(base64.b64decode(data, validate=True))
        except binascii.Error:
            raise ExportError(f"{where}: the data of the blob is not base64") from None
        if not last:
            return
        with self._blob as content:
            self._blob = None
            content.seek(0)
            found = self._store.put_blob(cast("BinaryIO", content))
        self._added.add(found)
        if found != digest:
            raise ExportError(f"{where}: the blob {digest} is damaged: its content is {found}", "export again")
        self._progress("blob")


def _in_order(reader: Reader) -> Iterator[Entity]:
    """Yield every entity after those that it needs."""
    for kinds in _ORDER:
        done: set[Id] = set()
        waiting: dict[Id, list[Entity]] = {}
        for entity in reader.query(Query(kinds=kinds)):
            parent = getattr(entity, "parent", None)
            if parent is None or parent in done:
                yield from _with_waiting(entity, waiting, done)
            else:
                waiting.setdefault(parent, []).append(entity)


def _with_waiting(entity: Entity, waiting: dict[Id, list[Entity]], done: set[Id]) -> Iterator[Entity]:
    ready = [entity]
    while ready:
        entity = ready.pop()
        done.add(entity.id)
        yield entity
        ready.extend(waiting.pop(entity.id, ()))


def _write_blob(store: Store, digest: str, file: BinaryIO) -> None:
    with store.open_blob(digest) as content:
        chunk = content.read(CHUNK)
        while True:
            following = content.read(CHUNK)
            data = base64.b64encode(chunk).decode("ascii")
            _line(file, {"blob": digest, "data": data, "last": not following})
            if not following:
                return
            chunk = following


def _write_journal(reader: Reader, topic: str, file: BinaryIO, progress: Progress) -> None:
    after = 0
    while records := reader.journal(topic, after=after, limit=PAGE):
        for record in records:
            plain = {
                "topic": topic,
                "key": record.key,
                "time": record.time,
                "subject": record.subject,
                "body": codec.to_plain(record.body),
            }
            _line(file, {"record": plain})
            progress("record")
        after = records[-1].position


def _line(file: BinaryIO, content: Any) -> None:
    file.write(msgspec.json.encode(content) + b"\n")


def _lines(file: BinaryIO, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, text in enumerate(file, 1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            raise ExportError(f"{name}:{number}: this is not JSON", "give a file that floria export wrote") from None
        if not isinstance(line, dict):
            raise ExportError(f"{name}:{number}: {_shortened(line)} is no entry of an export", "is it another file?")
        yield number, line


def _check_header(first: tuple[int, dict[str, Any]], name: str) -> None:
    header = first[1]
    if header.get("floria") != "export":
        raise ExportError(f"{name}: it is not an export", "give a file that floria export wrote")
    if header.get("version") != VERSION:
        raise ExportError(
            f"{name}: it is an export of version {header.get('version')}; this program knows {VERSION}",
            "upgrade this program",
        )


def _id(text: Any, where: str) -> Id:
    try:
        return ids.parse(text)
    except (ids.InvalidId, TypeError):
        raise ExportError(f"{where}: {text!r} is not an id") from None


def _shortened(line: Any) -> str:
    text = json.dumps(line)
    return text if len(text) <= 60 else text[:57] + "..."
