"""Validation: where the graph and its schemas, or the graph and the hosts, disagree. Changes neither (R62)."""

from typing import Any

import msgspec

from floria import codec, ids, validation
from floria.entities import Vertex
from floria.evaluation import Library
from floria.store.interface import Store
from floria.values import Value
from khutulun import model
from khutulun.agent import messages
from khutulun.conductor import site, topology
from khutulun.conductor.calls import find_handler
from khutulun.conductor.operations import Operations
from khutulun.conductor.performing import OperationFailed
from khutulun.conductor.states import INTENDED

INSPECT = f"{topology.LIFECYCLE}inspect"


def differences(
    store: Store, functions: Library, operations: Operations, found: topology.Topology
) -> list[model.Difference]:
    """Return the differences of a service: of its data first, then of each node with reality."""
    result: list[model.Difference] = []
    labels = dict(sorted(found.labels().items(), key=lambda item: item[1]))
    with store.read() as reader:
        owned = {node: site.surroundings(reader, found.nodes[node]).ids for node in labels}
        for node, inside in owned.items():
            for one in validation.validate(reader, inside, functions):
                what = f"{one.property}: {one.message}" if one.property else one.message
                result.append(model.Difference(labels[node], what, one.expected, one.found))
    for node, label in labels.items():
        result += _reality(operations, found.nodes[node], label)
    return result


def _reality(operations: Operations, vertex: Vertex, label: str) -> list[model.Difference]:
    handler = find_handler(vertex, INSPECT)
    if handler is None:
        return []
    try:
        request, _ = operations.prepare(vertex.id, handler, id=ids.new(), operation="inspect", inputs={})
        answer = operations.query(_as_intended(request, vertex), vertex)
    except (OperationFailed, model.Refused) as error:
        return [model.Difference(label, f"cannot be inspected: {error}")]
    return _told(answer, vertex, label)


def _as_intended(request: messages.Operate, vertex: Vertex) -> messages.Operate:
    """Have the driver compare with the state that was to be reached, and not with what events told since."""
    intended = vertex.properties.get(INTENDED)
    if intended is None or not isinstance(intended.value, str):
        return request
    entity = {**request.site["entity"], "state": intended.value}
    return msgspec.structs.replace(request, site={**request.site, "entity": entity})


def _told(answer: messages.Operated, vertex: Vertex, label: str) -> list[model.Difference]:
    result: dict[str, Any] = answer.result if isinstance(answer.result, dict) else {}
    if result.get("exists") is False:
        return [model.Difference(label, "does not exist on its host", vertex.state, None)]
    differences = [
        model.Difference(label, str(one.get("what")), _value(one.get("expected")), _value(one.get("found")))
        for one in result.get("differences") or []
    ]
    state = result.get("state")
    if state and state != vertex.state:
        differences.append(model.Difference(label, "state", vertex.state, str(state)))
    return differences


def _value(plain: Any) -> Value:
    return codec.from_plain(plain)
