"""What is asked of agents for an operation: the request, its answer, the wait for readiness, whom to know."""

import msgspec

from floria import codec
from floria.entities import Entity, Handler, Vertex
from floria.evaluation import Context, EvaluationError, Library
from floria.ids import Id
from floria.store.interface import Store, StoreError
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.bus import interface as bus
from khutulun.conductor import calls, journals, registry, site, topology
from khutulun.conductor.calls import find_handler
from khutulun.conductor.performing import UNHEARD, OperationFailed
from khutulun.conductor.results import Results
from khutulun.conductor.states import STATES
from khutulun.conductor.turns import Turns
from khutulun.conductor.workflow import READY

DEFAULT_TIMEOUT = 300.0


class Asking:
    """Asks the agent of a node's host; in plan mode the answers are kept in `planned`."""

    def __init__(
        self,
        store: Store,
        over: bus.Bus,
        functions: Library,
        found: registry.Registry,
        results: Results,
        mode: messages.Mode,
        turns: Turns,
    ) -> None:
        self._store, self._bus, self._functions, self._plugins, self._mode = store, over, functions, found, mode
        self._results, self._turns = results, turns
        self.planned: list[messages.Operated] = []

    def prepare(
        self,
        node: Id,
        handler: Handler,
        *,
        id: str,
        operation: str,
        inputs: dict[str, Value],
        event: Value = None,
        entity: Entity | None = None,
    ) -> tuple[messages.Operate, calls.Target]:
        """Return the request to the agent. Raises `model.Refused`, `OperationFailed`."""
        with self._store.read() as reader:
            vertex = reader.get(node)
            if not isinstance(vertex, Vertex):
                raise model.refuse("unknown-node", f"node {node} is gone", status=404)
            around = site.surroundings(reader, vertex)
            target = calls.resolve(handler.call, lambda label: self._plugins.processor(reader, label, vertex.directory))
            plugin = self._plugins.find(reader, target.plugin, vertex.directory)
            host = self._plugins.host(reader, vertex)
            context = Context(reader, self._functions, entity=entity or vertex, event=_event(event))
            try:
                given = context.evaluate({**target.inputs, **inputs})
            except EvaluationError as error:
                raise OperationFailed(_problem(error, vertex, operation)) from None
            built = site.build(reader, around, host.facts, _told(event))
            files = {**around.files(), **target.files}
        if target.artifact is not None:
            built["artifact"] = codec.to_plain(journals.body(target.artifact))
        return (
            messages.Operate(
                id=id,
                plugin=plugin,
                function=target.function,
                workload=around.workload(),
                operation=operation,
                site=built,
                arguments=[codec.to_plain(given)],
                artifacts=files,
                mode=self._mode,
                plan=id if self._mode is messages.Mode.PLAN else "",
                timeout=target.timeout or DEFAULT_TIMEOUT,
            ),
            target,
        )

    def ask(self, request: messages.Operate, vertex: Vertex) -> messages.Operated:
        """Have an operation done and return what it came to. Raises `OperationFailed`, `StoreError`."""
        where = f"{request.workload.service}/{vertex.name}"
        try:
            with self._turns.operating(request.id):
                answer = self._bus.request(f"agent.{_host(request)}.operate", request, messages.Operated)
        except bus.Remote as error:
            raise StoreError(error.message, str(error.detail or "")) from None
        except bus.BusError as error:
            raise OperationFailed(
                model.Problem(UNHEARD, str(error), where, "is the agent of its host running?"), True
            ) from None
        if answer.problem is not None:
            self._results.keep_effects(request, answer)
            problem = msgspec.structs.replace(
                answer.problem, where=answer.problem.where or f"{where}, operation {request.operation}"
            )
            raise OperationFailed(problem, answer.retryable)
        if self._mode is messages.Mode.PLAN:
            self.planned.append(answer)
        return answer

    def await_ready(self, vertex: Vertex, id: str) -> None:
        """Return when a node is as ready as its property `readiness` asks for. Raises `OperationFailed`."""
        found = vertex.properties.get("readiness")
        handler = find_handler(vertex, f"{topology.LIFECYCLE}exec") or find_handler(
            vertex, f"{topology.LIFECYCLE}start"
        )
        if found is None or found.value is msgspec.UNSET or found.value is None or handler is None:
            return
        if self._mode is messages.Mode.PLAN:
            return
        request, _ = self.prepare(vertex.id, handler, id=id, operation=READY, inputs={})
        probe = codec.to_plain(found.value)
        timeout = probe.get("timeout") if isinstance(probe, dict) else None
        wanted = messages.Ready(operate=request, probe=probe, timeout=float(timeout or 60.0))
        try:
            self._bus.request(f"agent.{_host(request)}.ready", wanted, messages.Done)
        except bus.Remote as error:
            self._results.failed(vertex.id)
            where = f"{request.workload.service}/{vertex.name}"
            hint = f"see `khutulun logs {where}`"
            raise OperationFailed(model.Problem(error.code, error.message, where, hint), error.retryable) from None
        except bus.BusError as error:
            raise OperationFailed(model.Problem(UNHEARD, str(error), vertex.name), True) from None

    def attend(self, operation: str, request: messages.Operate, answer: messages.Operated) -> None:
        """Have the agent know the workload from its creation on, as it was left, and forget it when it is deleted."""
        if self._mode is messages.Mode.PLAN:
            return
        host = _host(request)
        if operation == "delete":
            self._bus.request(f"agent.{host}.forget", messages.Forget(entity=request.workload.entity), messages.Done)
        elif operation in ("create", "start", "update", "adopt"):
            with self._store.read() as reader:
                vertex = reader.get(Id(request.workload.entity))
            assert isinstance(vertex, Vertex)
            renamed, watch = site.realised(vertex)
            workload = msgspec.structs.replace(request.workload, names={**request.workload.names, **renamed})
            attend = messages.Attend(
                workload=workload,
                plugin=request.plugin,
                site=site.left(request.site, workload.names, answer.result),
                watch=watch,
                state=STATES.get(operation, ("", str(request.site["entity"]["state"])))[1],
            )
            self._bus.request(f"agent.{host}.attend", attend, messages.Done)


def _host(request: messages.Operate) -> str:
    """Return the name of the host that a request is for."""
    return str(request.site["host"]["name"])


def _told(event: Value) -> Value:
    """Return an event as drivers and scripts see it."""
    if not isinstance(event, dict):
        return None
    return {name: event[name] for name in ("id", "name", "time", "cause", "count", "data") if name in event}


def _event(event: Value) -> dict[str, Value] | None:
    return event if isinstance(event, dict) else None


def _problem(error: EvaluationError, vertex: Vertex, operation: str) -> model.Problem:
    return model.Problem(error.code, str(error), where=f"{vertex.name}, operation {operation}")
