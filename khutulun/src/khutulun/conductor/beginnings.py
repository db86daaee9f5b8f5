"""Writes executions of workflows that designs bring; `khutulun.conductor.imperative` performs what they consist of."""

import msgspec

from floria import naming
from floria.entities import Kind, Vertex
from floria.evaluation import Functions
from floria.ids import Id
from floria.store.interface import Query, Reader, Transaction
from floria.values import Value
from khutulun import model
from khutulun.conductor import definition, nesting, progress, topology
from khutulun.conductor.executions import Executions
from khutulun.conductor.progress import value
from khutulun.conductor.scopes import Scopes

KEPT = 50
"""Executions of a service's own workflows that stay in the graph after their end; older ones are in the journal."""


class Beginnings:
    """Creates executions of workflows of a service, or of a service inside of one of its nodes."""

    def __init__(self, functions: Functions) -> None:
        self._scopes = Scopes(functions)
        self.executions: Executions

    def create(
        self,
        tx: Transaction,
        root: Vertex,
        name: str,
        inputs: dict[str, Value],
        *,
        id: Id | None = None,
        within: Vertex | None = None,
        attempt: int = 0,
        waits: bool = False,
    ) -> Id:
        """Write an execution of the workflow `name`, which `Executions.begin` starts after the commit.

        While another one is going on it is refused or, when it `waits`, begins after that. Raises `model.Refused`.
        """
        found = definition.find(tx, root, name)
        definition.check_inlining(tx, root, found)
        scope = self._scopes.of_workflow(tx, found, inputs)
        service = topology.load(tx, root)
        self._scopes.check_precondition(tx, service, found, scope)
        busy = self.executions.is_running(tx, root.directory) if within is None else None
        if busy is not None and not waits:
            raise model.refuse(
                "service-busy",
                f"{root.name}: {busy.name} is going on",
                hint=f"wait for it: `khutulun service events {root.name} -f`",
                status=409,
            )
        prefix = f"{within.name}/" if within is not None else ""
        layout = definition.lay_out(tx, service, found, prefix)
        if within is None:
            _forget_old(tx, root.directory)
        given = {key: one.value for key, one in scope.properties.items() if one.value is not msgspec.UNSET}
        return self.executions.create(
            tx,
            _outermost(tx, root),
            name,
            layout.steps,
            layout.names,
            id=id,
            within=within,
            classes=(progress.EXECUTION, progress.IMPERATIVE),
            state=progress.WAITING if busy is not None else "running",
            data={"inputs": given, "definition": found.vertex.id, "attempt": attempt, "root": root.id},
        )

    def create_inside(
        self,
        tx: Transaction,
        node: Id,
        workflow: str,
        inputs: dict[str, Value],
        *,
        id: Id | None = None,
        within: Vertex | None = None,
        attempt: int = 0,
        waits: bool = False,
    ) -> Id:
        """Write an execution of a workflow of the service inside of a node, as `create` does."""
        query = Query(kinds=(Kind.VERTEX,), classes=(nesting.INSIDE,), parent=node)
        found = next((one for one in tx.query(query) if isinstance(one, Vertex)), None)
        if found is None:
            raise model.refuse("unknown-workflow", "there is no service inside of the node any more", status=409)
        return self.create(tx, found, workflow, inputs, id=id, within=within, attempt=attempt, waits=waits)


def _outermost(reader: Reader, root: Vertex) -> Vertex:
    """Return the service that users know, of one that may be inside of a node of it."""
    found = naming.lineage(reader, root)[0]
    assert isinstance(found, Vertex)
    return found


def _forget_old(tx: Transaction, directory: str) -> None:
    ended = [
        one
        for one in progress.every(tx, directory)
        if progress.is_imperative(one) and value(one, "state") in ("done", "failed")
    ]
    ended.sort(key=lambda one: one.created, reverse=True)
    for one in ended[KEPT - 1 :]:
        tx.delete(one.id)
