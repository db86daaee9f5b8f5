"""Operations and notifications as handlers that call ``tosca:operation`` (sections 11.4 to 11.8)."""

from collections.abc import Iterable, Mapping

from floria.entities import Handler
from floria.values import Call, Value
from puccini.compilation.state import State
from puccini.model.data import UNSET, Property
from puccini.model.service import Implemented, OperationUse
from puccini.model.types import Operation

OPERATION = "tosca:operation"


def build(implemented: Iterable[Implemented], state: State) -> tuple[Handler, ...]:
    """Return the handlers of what is implemented, in order."""
    result: list[Handler] = []
    for one in implemented:
        handler = state.handlers.get(id(one))
        if handler is None:
            handler = state.handlers[id(one)] = _handler(one)
        result.append(handler)
    return tuple(result)


def _handler(one: Implemented) -> Handler:
    interface = one.interface
    outer = one.interface_use.inputs if one.interface_use is not None else {}
    plain: dict[str, Value] = {
        "interface": interface.name,
        "operation": one.name,
        **one.plain,
        "inputs": {
            **_inputs(interface.inputs, outer),
            **_inputs(
                one.defined.inputs if one.defined is not None else {}, one.use.inputs if one.use is not None else {}
            ),
        },
        "outputs": _outputs(one.defined, one.use),
    }
    return Handler(
        event=one.event,
        call=Call(OPERATION, [plain]),
        name=f"{interface.name}.{one.name}",
        metadata={"tosca.origin": one.node.origin},
    )


def _inputs(known: Mapping[str, Property], given: Mapping[str, Value]) -> dict[str, Value]:
    result: dict[str, Value] = {}
    for name, definition in known.items():
        initial = definition.initial
        if initial is not UNSET:
            result[name] = initial
    return {**result, **given}


def _outputs(defined: Operation | None, use: OperationUse | None) -> dict[str, Value]:
    result: dict[str, Value] = {}
    for name, definition in (defined.outputs if defined is not None else {}).items():
        if definition.mapping is not None:
            result[name] = list(definition.mapping)
    for name, mapping in (use.outputs if use is not None else {}).items():
        result[name] = list(mapping)
    return result
