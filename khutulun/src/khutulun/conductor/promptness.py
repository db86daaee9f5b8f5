"""Which handlers are run at once, in the thread that brings an event: those that nobody has to wait for.

An expression that looks at the graph, or writes properties of the entity that holds it, takes less time than to wake
another thread for it. Whatever asks a plugin, or may lead to more events, does not hold up the events behind it.
`khutulun.conductor.emission` asks.
"""

from floria.entities import Edge, Vertex
from floria.events import Recorded
from floria.events.changes import wants_to_know
from floria.store.interface import Reader
from floria.values import Call
from khutulun.conductor import calls

_NAMESPACES = ("floria", "tosca")
_SLOW = frozenset({calls.OPERATION, calls.ACTIONS, "tosca:call", "floria:emit"})
_SET = "floria:set"


def is_prompt(reader: Reader, recorded: Recorded) -> bool:
    """Whether all handlers of an event can be run at once."""
    for delivery in recorded.deliveries:
        entity = delivery.subject(reader)
        if entity is None or delivery.handler >= len(entity.handlers):
            return False
        handler = entity.handlers[delivery.handler]
        if not (_is_quick(handler.call, entity) and _is_quick(handler.condition, entity)):
            return False
    return True


def _is_quick(value: object, entity: Vertex | Edge) -> bool:
    """Whether everything that is called in a value is quick."""
    match value:
        case Call(function=function, arguments=arguments):
            namespace = function.partition(":")[0]
            if namespace not in _NAMESPACES or function in _SLOW:
                return False
            if function == _SET and (len(arguments) > 2 or wants_to_know(entity)):
                return False
            return all(_is_quick(one, entity) for one in arguments)
        case list():
            return all(_is_quick(one, entity) for one in value)
        case dict():
            return all(_is_quick(one, entity) for one in value.values())
        case _:
            return True
