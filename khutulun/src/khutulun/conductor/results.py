"""What operations leave in the graph: attributes, outputs, states, and their effects in the journal."""

from collections.abc import Callable

import msgspec

from floria import codec, naming, updating
from floria.entities import Edge, Property, Vertex
from floria.evaluation import EvaluationError, Library
from floria.ids import Id
from floria.store.interface import Store, Transaction
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.conductor import calls, journals, operated, outputs, simple, site, turns
from khutulun.conductor.attributes import Attributes
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.states import ERROR, FAILED, INTENDED

ATTRIBUTE = "tosca:attribute"


class Results:
    """Writes results, each in one transaction."""

    def __init__(self, store: Store, functions: Library) -> None:
        self._store, self._functions = store, functions
        self.attributes = Attributes(functions)

    def set_state(self, tx: Transaction, node: Id, state: str) -> None:
        """Write a node's state."""
        vertex = tx.get(node)
        if isinstance(vertex, Vertex) and vertex.state != state:
            tx.put(msgspec.structs.replace(vertex, state=state))
            if simple.is_simple(vertex):
                self.attributes.write(tx, vertex, {"state": state}, "state")

    def evaluate(self, node: Id, state: str | None, *, needed: bool = True, begins: bool = False) -> None:
        """Bring a node's properties up to date, before an operation sees them; `begins` says that it is a lifecycle's.

        Unless they are `needed`, those that cannot be evaluated keep their values: whatever is wrong with a node, it
        can be taken down.
        """
        with self._store.write() as tx:
            vertex = tx.get(node)
            assert isinstance(vertex, Vertex)
            around = site.surroundings(tx, vertex)
            updated = updating.update(tx, around.ids, self._functions)
            if state is not None:
                self.set_state(tx, node, state)
            if begins and (actor := turns.acting()) is not None:
                operated.mark(tx, vertex, actor.id, self._functions)
        own = set(around.ids)
        problems = [
            model.Problem(failure.code, failure.message, where=f"{around.service.name}/{vertex.name}.{name}")
            for (id, name), failure in updated.failed.items()
            if needed and id in own and not is_attribute(around, id, name)
        ]
        if problems:
            self.failed(node)
            raise OperationFailed(problems[0])

    def apply(
        self,
        node: Id,
        answer: messages.Operated,
        target: calls.Target,
        operation: str,
        id: str,
        *,
        state: str | None = None,
        record: Callable[[Transaction], None] = lambda tx: None,
        entity: Id | None = None,
    ) -> None:
        """Write what an operation returned: attributes, outputs, state, and its effects into the journal.

        `entity` is the relationship that the operation is of, if it is of one: outputs go to its attributes.
        """
        result = answer.result if isinstance(answer.result, dict) else {}
        told = dict(result.get("attributes") or {})
        mapped = outputs.from_self(dict(result.get("outputs") or {}), target.outputs)
        try:
            with self._store.write() as tx:
                record(tx)
                vertex = tx.get(node)
                if not isinstance(vertex, Vertex):
                    raise OperationFailed(model.Problem("unknown-node", f"node {node} is gone"))
                holder = tx.get(entity) if entity is not None else None
                after = self.attributes.write(tx, vertex, told, id)
                passed_on = outputs.write(
                    tx, holder if isinstance(holder, Edge) else vertex, mapped, self.attributes, id
                )
                if result.get("names"):
                    adopted = {"names": dict(result["names"]), "watch": list(result.get("watch") or [])}
                    self.attributes.write(tx, vertex, {site.REALISED: adopted}, id)
                failed_meanwhile = state is not None and vertex.state == FAILED
                if (reached := result.get("state") or state) is not None and not failed_meanwhile:
                    self.set_state(tx, node, str(reached))
                if reached is not None:
                    self.attributes.write(tx, vertex, {INTENDED: str(reached)}, id)
                self._journal(tx, answer.effects, vertex)
        except EvaluationError as error:
            self.failed(node)
            where = f"plugin {target.plugin}, operation {operation}"
            raise OperationFailed(
                model.Problem(error.code, str(error), where, "the driver told a wrong value")
            ) from None
        after()
        passed_on()

    def notified(self, holder: Id, given: dict[str, Value], mapping: dict[str, list[Value]], cause: str) -> None:
        """Write what was sent with a notification (TOSCA 2.0 section 11.6). Raises `EvaluationError`."""
        plain = {name: codec.to_plain(value) for name, value in given.items()}
        with self._store.write() as tx:
            entity = tx.get(holder)
            assert isinstance(entity, Vertex | Edge)
            after = outputs.write(tx, entity, outputs.from_self(plain, mapping), self.attributes, cause)
        after()

    def conclude(self, node: Id, state: str | None, operation: str, record: Callable[[Transaction], None]) -> None:
        """Write that something is done for which no agent was asked."""
        with self._store.write() as tx:
            record(tx)
            if state is not None:
                self.set_state(tx, node, state)
                vertex = tx.get(node)
                if isinstance(vertex, Vertex) and INTENDED in vertex.properties:
                    self.attributes.write(tx, vertex, {INTENDED: state}, operation)

    def failed(self, node: Id) -> None:
        """Write that an operation of a node has failed."""
        with self._store.write() as tx:
            self.set_state(tx, node, ERROR)

    def keep_effects(self, request: messages.Operate, answer: messages.Operated) -> None:
        """Write the effects of an operation that failed into the journal."""
        with self._store.write() as tx:
            vertex = tx.get(Id(request.workload.entity))
            if isinstance(vertex, Vertex):
                self._journal(tx, answer.effects, vertex)

    def _journal(self, tx: Transaction, effects: tuple[model.Effect, ...], vertex: Vertex) -> None:
        subject = naming.subject(tx, vertex)
        for effect in effects:
            tx.append(journals.topic(effect.operation), effect.id, journals.body(effect), subject=subject)


def is_attribute(around: site.Surroundings, id: Id, name: str) -> bool:
    """Whether a property is told by drivers, and not given."""
    for one in (around.node, *around.capabilities.values(), *around.artifacts.values(), *around.edges):
        if one.id == id:
            return ATTRIBUTE in one.properties.get(name, Property()).classes
    return False
