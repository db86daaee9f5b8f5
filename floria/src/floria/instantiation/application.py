"""Apply: make a plan real, in one transaction."""

import time as clocks
from collections.abc import Callable, Iterable, Mapping

from floria import ids, naming
from floria.entities import Edge, Vertex
from floria.evaluation import Clock, Library
from floria.garbage import uncollected
from floria.ids import Id
from floria.instantiation import planning
from floria.instantiation.hooks import Hooks
from floria.instantiation.planning import Plan, Source
from floria.instantiation.problems import InstantiationError, Problem
from floria.store.interface import CapacityExceeded, Claimed, Store, Transaction
from floria.values import Value


def apply(tx: Transaction, plan: Plan) -> Id:
    """Create what `plan` lists and allocate; return the root.

    Raises `InstantiationError` when somebody took the name or a capacity since it was planned; roll back then.
    """
    put_vertexes(tx, (one for one in plan.vertexes if one.id not in plan.kept))
    try:
        tx.claim(planning.space(plan.directory), plan.name, plan.root)
    except Claimed as error:
        message = f"there is an instance {plan.name!r} in {plan.directory} since this was planned ({error.holder})"
        raise InstantiationError((Problem("floria.name-taken", message, plan.name),)) from None
    put_edges(tx, (one for one in plan.edges if one.id not in plan.kept))
    return plan.root


def instantiate(
    store: Store,
    source: Source,
    *,
    name: str,
    functions: Library,
    directory: str = "/",
    inputs: Mapping[str, Value] | None = None,
    hooks: Hooks | None = None,
    clock: Clock = clocks.time_ns,
    new_id: Callable[[], Id] = ids.new,
) -> Plan:
    """Plan and apply in one transaction, so that nothing can come in between. Raises `InstantiationError`."""
    with uncollected(), store.write() as tx:
        plan = planning.plan(
            tx,
            source,
            name=name,
            functions=functions,
            directory=directory,
            inputs=inputs,
            hooks=hooks,
            clock=clock,
            new_id=new_id,
        )
        apply(tx, plan)
    return plan


def put_vertexes(tx: Transaction, vertexes: Iterable[Vertex]) -> None:
    """Create vertices, containers first."""
    for vertex in vertexes:
        tx.put(vertex)


def put_edges(tx: Transaction, edges: Iterable[Edge]) -> None:
    """Create edges with what they allocate. Raises `InstantiationError`."""
    problems: list[Problem] = []
    for edge in edges:
        tx.put(edge)
        problems += allocate(tx, edge)
    if problems:
        raise InstantiationError(tuple(problems))


def allocate(tx: Transaction, edge: Edge) -> list[Problem]:
    """Take what the edge allocates; return what there is too little of."""
    problems: list[Problem] = []
    for name, amount in edge.allocation.items():
        try:
            tx.allocate(edge.target, name, amount, edge.id)
        except CapacityExceeded as error:
            message = f"{name} of {naming.label(tx, edge.target)}: {error.asked} asked, {error.left} left"
            where = naming.label(tx, edge.source)
            problems.append(Problem("floria.capacity", message, where, edge.template, requirement=edge.name))
    return problems
