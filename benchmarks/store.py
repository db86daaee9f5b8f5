"""Measures the SQLite store beside the same SQL on apsw alone, at 10,000 and 100,000 vertexes.

    python benchmarks/store.py [--sizes 10000,100000] [--json FILE]

The raw side keeps the same bodies in the smallest tables that can answer the same question, and decodes nothing. Times
are medians; compare the ratios, which are measured in one run. The limits are those of the design: a point read in
20 µs, a page of a class and a path over four hops in 1 ms.
"""

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import msgspec

from floria import codec, ids
from floria.entities import Edge, Property, Vertex
from floria.store.interface import Axis, Operator, Predicate, Query, Step, Transaction
from floria.store.sqlite import SqliteStore

EDGES_PER_VERTEX = 2
BATCH = 1000
FOUR_HOPS = [Step(axis=axis) for axis in (Axis.OUT, Axis.TARGET) * 4]


class Measure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the result: seconds of Floria and of the raw equivalent, and the limit."""

    name: str
    vertexes: int
    floria: float
    raw: float | None = None
    limit: float | None = None
    per_second: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times as long (or, for rates, as much) as raw."""
        return self.floria / self.raw if self.raw else None


class Graph:
    """Vertexes of about 1.4 KB that a class divides in thousands, and edges to random others."""

    def __init__(self, vertexes: int) -> None:
        chance = random.Random(1)
        self.vertexes = [_vertex(number) for number in range(vertexes)]
        pairs = ((source, chance.choice(self.vertexes)) for source in self.vertexes for _ in range(EDGES_PER_VERTEX))
        self.edges = [_edge(source, target) for source, target in pairs]

    def entities(self) -> Iterator[Vertex | Edge]:
        """Yield everything, ends before edges."""
        yield from self.vertexes
        yield from self.edges


class Raw:
    """The same data in the smallest tables."""

    def __init__(self, path: Path) -> None:
        self.connection = apsw.Connection(str(path))
        self.connection.pragma("journal_mode", "wal")
        self.connection.pragma("synchronous", "full")
        self.connection.execute(
            "CREATE TABLE entity (k INTEGER PRIMARY KEY, id TEXT UNIQUE, body BLOB);"
            "CREATE TABLE edge (k INTEGER PRIMARY KEY, source INTEGER, target INTEGER);"
            "CREATE TABLE entity_class (class TEXT, id TEXT, k INTEGER, PRIMARY KEY (class, id)) WITHOUT ROWID"
        )

    def load(self, graph: Graph) -> None:
        """Write everything in one transaction."""
        keys: dict[str, int] = {}
        self.connection.execute("BEGIN")
        for entity in graph.entities():
            self.connection.execute("INSERT INTO entity (id, body) VALUES (?, ?)", (entity.id, codec.pack(entity)))
            key = keys[entity.id] = self.connection.last_insert_rowid()
            for name in entity.classes:
                self.connection.execute("INSERT INTO entity_class VALUES (?, ?, ?)", (name, entity.id, key))
            if isinstance(entity, Edge):
                ends = (key, keys[entity.source], keys[entity.target])
                self.connection.execute("INSERT INTO edge VALUES (?, ?, ?)", ends)
        self.connection.execute("CREATE INDEX edge_source ON edge (source, target)")
        self.connection.execute("COMMIT")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000", help="numbers of vertexes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result here")
    arguments = parser.parse_args()
    measures = [measure for size in arguments.sizes.split(",") for measure in _measure(int(size))]
    for measure in measures:
        print(_line(measure))
    if arguments.json is not None:
        rows = [msgspec.to_builtins(measure) | {"ratio": measure.ratio} for measure in measures]
        arguments.json.write_text(json.dumps({"benchmark": "store", "measures": rows}, indent=2) + "\n")


def _measure(size: int) -> Iterator[Measure]:
    graph = Graph(size)
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder, "floria.db"))
        raw = Raw(Path(folder, "raw.db"))
        loading = _seconds(lambda: _load(store, graph))
        raw_loading = _seconds(lambda: raw.load(graph))
        count = len(graph.vertexes) + len(graph.edges)
        yield Measure("load, entities", size, count / loading, count / raw_loading, per_second=True)
        yield from _reads(store, raw, graph, size)
        yield from _writes(store, raw, size)
        store.close()
        raw.connection.close()


def _reads(store: SqliteStore, raw: Raw, graph: Graph, size: int) -> Iterator[Measure]:
    chance = random.Random(2)
    some = [chance.choice(graph.vertexes).id for _ in range(3000)]
    group = graph.vertexes[size // 2].classes[0]
    run = raw.connection.execute
    with store.read() as reader:
        raw_point = _each(some, lambda id: run("SELECT body FROM entity WHERE id = ?", (id,)).fetchall())
        yield Measure("point read in a reader", size, _each(some, reader.get), raw_point, 20e-6)

        def read(id: ids.Id) -> None:
            with store.read() as own:
                own.get(id)

        yield Measure("point read with a reader of its own", size, _each(some, read), raw_point, 20e-6)
        page = (
            "SELECT e.body FROM entity_class c CROSS JOIN entity e ON e.k = c.k"
            " WHERE c.class = ? ORDER BY c.id LIMIT 100"
        )
        yield Measure(
            "class query, a page of 100",
            size,
            _times(200, lambda: list(reader.query(Query(classes=(group, "node"), limit=100)))),
            _times(200, lambda: run(page, (group,)).fetchall()),
            1e-3,
        )
        where = (Predicate("port", Operator.LESS, 1_000_000),)
        yield Measure(
            "class query with a predicate, 100",
            size,
            _times(200, lambda: list(reader.query(Query(classes=(group,), where=where, limit=100)))),
            _times(200, lambda: run(page, (group,)).fetchall()),
        )
        yield Measure(
            "path, 4 hops",
            size,
            _each(some[:500], lambda id: reader.path([id], FOUR_HOPS)),
            _each(some[:500], lambda id: run(RAW_PATH, (id,)).fetchall()),
            1e-3,
        )


def _writes(store: SqliteStore, raw: Raw, size: int) -> Iterator[Measure]:
    def raw_commit() -> None:
        entity = _vertex(1)
        raw.connection.execute("BEGIN IMMEDIATE")
        raw.connection.execute("INSERT INTO entity (id, body) VALUES (?, ?)", (entity.id, codec.pack(entity)))
        raw.connection.execute("COMMIT")

    alone = _times(200, lambda: _commit(store))
    raw_alone = _times(200, raw_commit)
    yield Measure("commit, one thread", size, alone, raw_alone)
    for threads in (8, 64):
        before = store.statistics
        seconds = _seconds(lambda threads=threads: _commit_together(store, threads, 640 // threads))  # type: ignore[misc]
        after = store.statistics
        rate = (after["commits"] - before["commits"]) / seconds
        syncs = after["syncs"] - before["syncs"]
        name = f"commits, {threads} threads, {syncs} syncs for 640"
        yield Measure(name, size, rate, 1 / raw_alone, per_second=True)


def _load(store: SqliteStore, graph: Graph) -> None:
    waiting = graph.entities()
    done = False
    while not done:
        with store.write() as transaction:
            done = _put_some(transaction, waiting) < BATCH


def _put_some(transaction: Transaction, waiting: Iterator[Vertex | Edge]) -> int:
    count = 0
    for count, entity in enumerate(waiting, 1):
        transaction.put(entity)
        if count == BATCH:
            break
    return count


def _commit(store: SqliteStore) -> None:
    with store.write() as transaction:
        transaction.put(_vertex(1))


def _commit_together(store: SqliteStore, threads: int, each: int) -> None:
    def run() -> None:
        for _ in range(each):
            _commit(store)

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _vertex(number: int) -> Vertex:
    properties = {f"property {index}": Property(value="x" * 100, time=number, revision=1) for index in range(8)}
    properties["port"] = Property(value=number)
    return Vertex(
        id=ids.new(),
        name=f"vertex-{number}",
        classes=(f"group {number // 1000}", "node", "tosca:node"),
        properties=properties,
        metadata={"origin": f"file.yaml:{number}:1"},
    )


def _edge(source: Vertex, target: Vertex) -> Edge:
    return Edge(id=ids.new(), name="uses", source=source.id, target=target.id, classes=("uses", "tosca:relationship"))


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _times(count: int, work: Callable[[], object]) -> float:
    return statistics.median(_seconds(work) for _ in range(count))


def _each(items: list[ids.Id], work: Callable[[ids.Id], object]) -> float:
    return statistics.median(_seconds(lambda item=item: work(item)) for item in items)  # type: ignore[misc]


def _line(measure: Measure) -> str:
    def shown(value: float | None) -> str:
        if value is None:
            return ""
        if measure.per_second:
            return f"{value:,.0f}/s"
        return f"{value * 1e6:,.1f} µs"

    limit = "" if measure.limit is None else f"limit {shown(measure.limit)}"
    verdict = "" if measure.limit is None else (" reached" if measure.floria <= measure.limit else " MISSED")
    ratio = "" if measure.ratio is None else f"{measure.ratio:.2f}x"
    return (
        f"{measure.vertexes:>7,}  {measure.name:<42}{shown(measure.floria):>14}"
        f"  raw {shown(measure.raw):>12}  {ratio:>8}  {limit}{verdict}"
    )


_HOP = "SELECT DISTINCT g.target AS k FROM {} b CROSS JOIN edge g ON g.source = b.k"
_HOPS = ", ".join(f"s{number}(k) AS MATERIALIZED ({_HOP.format(f's{number - 1}')})" for number in range(1, 5))
RAW_PATH = (
    f"WITH s0(k) AS (SELECT k FROM entity WHERE id = ?), {_HOPS} SELECT id FROM s4 JOIN entity USING (k) ORDER BY id"
)

if __name__ == "__main__":
    main()
