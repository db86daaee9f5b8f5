"""Effects of operations on this host: journaled so that nothing is done twice, and told for history."""

from typing import Any

import msgspec

from floria.plugins import effects
from floria.plugins.effects.effects import boot
from floria.plugins.faults import Fault
from khutulun import model
from khutulun.agent import messages
from khutulun.agent.journal import Journal
from khutulun.bus import interface as bus

SECRET = b"<secret "
"""Begins what stands in journals in place of a secret; with it in the answer, a question has to be asked again."""


class OperationJournal:
    """Keeps an operation's changes (`floria.plugins.effects.Journal`), and what was looked at before each.

    An attempt that was interrupted is repeated with the same answers up to where it was, so that it decides as it did.
    """

    def __init__(self, journal: Journal, operation: str) -> None:
        self._journal, self._operation = journal, operation
        self._before = journal.effects(operation)
        self._known = {id for id, _, _ in self._before}
        self._looking: dict[str, effects.Effect] = {}
        self._looked: list[tuple[str, bytes, bytes]] = []

    def prior(self) -> list[effects.Effect]:
        """Return the effects of an attempt that was interrupted, in order; of an earlier boot only the changes."""
        if not self._before:
            return []
        found = []
        now = boot()
        for _, intent, outcome in self._before:
            effect = msgspec.msgpack.decode(intent, type=effects.Effect)
            if outcome is not None:
                known = msgspec.msgpack.decode(outcome, type=effects.Outcome)
                effect = msgspec.structs.replace(effect, outcome=known)
            if effect.change or effect.boot == now:
                found.append(effect)
        return found

    def intent(self, effect: effects.Effect) -> None:
        if not effect.change:
            self._looking[effect.id] = effect
            return
        self._known.add(effect.id)
        looked, self._looked = self._looked, []
        self._journal.intend(effect.id, self._operation, msgspec.msgpack.encode(effect), looked)

    def result(self, effect: str, outcome: effects.Outcome) -> None:
        encoded = msgspec.msgpack.encode(outcome)
        if effect in self._known:
            self._journal.outcome(effect, encoded)
        elif (look := self._looking.pop(effect, None)) is not None and SECRET not in encoded:
            self._looked.append((effect, msgspec.msgpack.encode(look), encoded))


def told(found: list[effects.Effect], host: str, request: messages.Operate) -> tuple[model.Effect, ...]:
    """Return effects as the conductor keeps them."""
    workload = request.workload
    return tuple(
        model.Effect(
            kind=effect.request.kind,
            host=host,
            service=workload.service,
            node=workload.node,
            operation=request.operation,
            request=_plain(effect.request),
            change=effect.change,
            outcome=_plain(effect.outcome) if effect.outcome is not None else {},
            time=effect.time,
            duration=effect.outcome.duration / 1e9 if effect.outcome is not None else 0.0,
            id=effect.id,
        )
        for effect in found
    )


def untold(effect: model.Effect) -> effects.Effect:
    """Return what `told` was made from, for printing it as a script."""
    return effects.decode(
        {
            "id": effect.id,
            "request": effect.request,
            "change": effect.change,
            "time": effect.time,
            "outcome": effect.outcome or None,
        }
    )


class Graph:
    """The graph as a plugin on this host sees it: asked over the bus, in the name of its workload."""

    def __init__(self, over: bus.Bus, workload: messages.Workload, plan: str = "") -> None:
        self._bus, self._workload, self._plan = over, workload, plan

    def permits(self, id: str, scope: Any) -> bool:
        return bool(self._ask("permits", id, str(scope)))

    def get(self, id: str) -> object:
        return self._ask("get", id)

    def query(self, query: object, scope: Any) -> object:
        return self._ask("query", query, str(scope))

    def set_property(self, id: str, name: str, value: object, effect: str) -> object:
        return self._ask("set_property", id, name, value, effect)

    def create(self, entity: object, scope: Any, effect: str) -> object:
        return self._ask("create", entity, str(scope), effect)

    def delete(self, id: str, effect: str) -> object:
        return self._ask("delete", id, effect)

    def emit(self, id: str, event: str, detail: object, effect: str) -> object:
        return self._ask("emit", id, event, detail, effect)

    def claim(self, space: str, key: str, effect: str) -> object:
        return self._ask("claim", space, key, effect)

    def release(self, space: str, key: str, effect: str) -> object:
        return self._ask("release", space, key, effect)

    def claims(self, space: str) -> object:
        return self._ask("claims", space)

    def _ask(self, function: str, *arguments: Any) -> object:
        request = messages.Graph(workload=self._workload, function=function, arguments=list(arguments), plan=self._plan)
        try:
            answer = self._bus.request("conductor.graph", request, messages.GraphAnswer)
        except bus.BusError as error:
            raise Fault("graph-unreachable", str(error), True) from None
        if answer.problem is not None:
            raise Fault(answer.problem.code, answer.problem.message, False, answer.problem.detail)
        return answer.result


def _plain(data: object) -> Any:
    return msgspec.to_builtins(data)
