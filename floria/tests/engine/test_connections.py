"""Edges at run time (R70): formed, moved, dissolved, and everybody concerned told."""

import pytest

from floria import connections, ids, instantiation
from floria.entities import Edge, EdgeTemplate, Finder, Handler, Property
from floria.evaluation import Context, EvaluationError, Functions
from floria.events import Emitter
from floria.ids import Id
from floria.instantiation import InstantiationError
from floria.store.interface import Axis, NotFound, Step, Store
from floria.testing.designs import Builder
from floria.values import Call, Value


class Town:
    """Two hosts with capacity and an app; everybody says what it hears."""

    def __init__(self, store: Store) -> None:
        self.store, self.heard = store, list[str]()
        self.functions = Functions()
        self.functions.register("test", {"hear": self._hear})
        heard = tuple(Handler(event, Call("test:hear")) for event in (connections.FORMED, connections.DISSOLVED))
        self.handlers = heard
        design = Builder("town")
        design.vertex("host", "Host", count=2, left=3, handlers=heard)
        design.vertex("app", handlers=heard)
        plan = instantiation.instantiate(store, design.bundle(), name="town", functions=self.functions)
        self.one, self.two, self.app = (one.id for one in plan.vertexes[1:])
        self.emitter = Emitter(store, self.functions)

    def _hear(self, context: Context, arguments: list[Value]) -> Value:
        assert context.event is not None
        assert context.entity is not None
        event = str(context.event["name"]).removeprefix("floria.edge-")
        self.heard.append(f"{context.entity.name}{getattr(context.entity, 'index', 0) or ''} {event}")
        return None

    def connect(self, target: Id, **options: object) -> Edge:
        with self.store.write() as tx:
            made = connections.connect(
                tx,
                self.app,
                target,
                "runs_on",
                functions=self.functions,
                handlers=self.handlers,
                **options,  # type: ignore[arg-type]
            )
        self.emitter.handle(*made.events)
        return made.edge

    def allocated(self, target: Id) -> float:
        with self.store.read() as reader:
            return reader.allocated(target, "left")

    def edge(self, id: Id) -> Edge:
        with self.store.read() as reader:
            found = reader.get(id)
        assert isinstance(found, Edge)
        return found


@pytest.fixture
def town(store: Store) -> Town:
    return Town(store)


def test_r70_an_edge_is_formed_with_everything_a_node_has(town: Town) -> None:
    small = Call("floria:check", [Call("floria:less", [Call("floria:value"), 10]), "less than 10"])
    edge = town.connect(
        town.one,
        classes=["RunsOn"],
        group={"weight": Property(value=5, preparer=small)},
        metadata={"why": "test"},
        allocation={"left": 2},
    )
    stored = town.edge(edge.id)
    assert (stored.classes, stored.properties["weight"].value, stored.metadata) == (("RunsOn",), 5, {"why": "test"})
    assert town.allocated(town.one) == 2
    assert sorted(town.heard) == ["app formed", "host formed", "runs_on formed"]


def test_r70_an_edge_that_is_refused_leaves_nothing(town: Town) -> None:
    refusing = {"w": Property(value=1, preparer=Call("floria:fail", ["no"]))}
    with pytest.raises(EvaluationError, match="no"):
        town.connect(town.one, group=refusing)
    with pytest.raises(InstantiationError, match="left of town/host: 4 asked, 3 left"):
        town.connect(town.one, allocation={"left": 4})
    with pytest.raises(NotFound):
        town.connect(ids.derive("nobody"))
    with pytest.raises(EvaluationError, match="metadata is literal"):
        town.connect(town.one, metadata={"m": Call("floria:self")})
    assert town.allocated(town.one) == 0
    assert town.emitter.resume() == ()


def test_r70_edges_of_one_name_have_indexes(town: Town) -> None:
    first, second = town.connect(town.one), town.connect(town.two)
    assert (first.index, second.index) == (0, 1)
    with town.store.write() as tx:
        connections.disconnect(tx, first.id)
    assert town.connect(town.two).index == 0


def test_r70_an_edge_is_dissolved_and_its_own_handlers_hear_it(town: Town) -> None:
    edge = town.connect(town.one, allocation={"left": 2})
    town.heard.clear()
    with town.store.write() as tx:
        gone = connections.disconnect(tx, edge.id)
    assert town.emitter.handle(*gone.events)
    assert sorted(town.heard) == ["app dissolved", "host dissolved", "runs_on dissolved"]
    assert town.allocated(town.one) == 0
    with town.store.write() as tx, pytest.raises(NotFound):
        connections.disconnect(tx, edge.id)


def test_r70_an_edge_is_moved_and_stays_what_it_was(town: Town) -> None:
    edge = town.connect(town.one, group={"w": Property(value=1)}, allocation={"left": 2})
    town.heard.clear()
    with town.store.write() as tx:
        moved = connections.move(tx, edge.id, town.two)
    town.emitter.handle(*moved.events)
    stored = town.edge(edge.id)
    assert (stored.target, stored.properties["w"].value) == (town.two, 1)
    assert (town.allocated(town.one), town.allocated(town.two)) == (0, 2)
    assert {"host dissolved", "host1 formed"} <= set(town.heard)
    with town.store.write() as tx:
        assert connections.move(tx, edge.id, town.two).events == ()


def test_r70_an_edge_cannot_move_where_there_is_no_room(town: Town) -> None:
    edge = town.connect(town.one, allocation={"left": 2})
    town.connect(town.two, allocation={"left": 2})
    with pytest.raises(InstantiationError, match="2 asked, 1 left"), town.store.write() as tx:
        connections.move(tx, edge.id, town.two)
    assert town.edge(edge.id).target == town.one
    assert town.allocated(town.one) == 2


def wanted(source: Id, **options: object) -> EdgeTemplate:
    finder = Finder(classes=("Host",), allocation={"left": 2})
    return EdgeTemplate(
        id=ids.derive("wanted"),
        name="runs_on",
        source=source,
        finder=finder,
        properties={"w": Property(value=1)},
        **options,  # type: ignore[arg-type]
    )


def test_r70_edges_are_formed_by_their_finder_at_run_time(town: Town) -> None:
    template = wanted(town.app, count=2)
    for expected in (2, 0):
        with town.store.write() as tx:
            made = connections.connect_template(tx, template, town.app, functions=town.functions)
        assert len(made) == expected
    assert (town.allocated(town.one), town.allocated(town.two)) == (2, 2)
    with town.store.write() as tx:
        connections.disconnect(tx, next(iter(tx.path([town.app], [_out()]))))
        (again,) = connections.connect_template(tx, template, town.app, functions=town.functions)
    assert again.edge.properties["w"].value == 1


def test_r83_candidates_at_run_time_are_explained(town: Town) -> None:
    town.connect(town.one, allocation={"left": 2})
    with town.store.read() as reader:
        best, refusals = connections.candidates(reader, wanted(town.app), town.app, functions=town.functions)
    assert best == [town.two]
    assert [(one.label, one.reason) for one in refusals] == [("town/host", "left: 2 asked, 1 left")]
    with town.store.write() as tx, pytest.raises(InstantiationError, match="finds 2 of 3 targets"):
        connections.connect_template(tx, wanted(town.app, count=3), town.app, functions=town.functions)


def _out() -> Step:
    return Step(axis=Axis.OUT)
