"""What a handler's call means: which function of which plugin, with what.

A call is either a TOSCA operation (an artifact and inputs, as Puccini compiles it) or names a plugin's function
directly, as in templates written without TOSCA.
"""

from collections.abc import Callable, Mapping

import msgspec

from floria.entities import Edge, Handler, Vertex
from floria.values import Call, Value
from khutulun import model
from khutulun.conductor import nesting

OPERATION = "tosca:operation"
ACTIONS = "tosca:actions"
MAPPED = "tosca:mapped_workflow"
"""What implements an operation of a substituted node: a workflow of the service inside."""

UNLESS = "tosca.unless"
"""Metadata of a handler that counts only where nothing substitutes the node."""

DRIVER = "::Driver"
RUN = "run"


class Artifact(msgspec.Struct, frozen=True, omit_defaults=True):
    """An artifact as a compiled operation carries it; `blob` is the digest of its content."""

    name: str = ""
    classes: list[str] = []
    file: str = ""
    blob: str | None = None
    properties: dict[str, Value] = {}


class Target(msgspec.Struct, frozen=True):
    """A function of a plugin; `inputs` may hold calls. `files` (path to digest) have to be on the host."""

    plugin: str
    function: str
    inputs: dict[str, Value]
    artifact: Artifact | None = None
    files: dict[str, str] = {}
    outputs: dict[str, list[Value]] = {}
    timeout: float | None = None


Processor = Callable[[str], str | None]
"""Returns the name of the plugin that processes an artifact type."""


def resolve(call: Call, processor: Processor) -> Target:
    """Return what `call` means. Raises `model.Refused` when nothing can run it."""
    if call.function == OPERATION:
        return _operation(call, processor)
    namespace, _, function = call.function.partition(":")
    if namespace in ("tosca", "floria"):
        raise model.refuse("not-an-operation", f"{call.function} is no operation of a plugin")
    inputs = call.arguments[0] if call.arguments else {}
    if len(call.arguments) > 1 or not isinstance(inputs, dict):
        raise model.refuse(
            "bad-call",
            f"{call.function} has arguments that are no map of inputs",
            hint="write `$plugin:function: [{name: value}]`",
        )
    return Target(namespace, function, dict(inputs))


def find_handler(entity: Vertex | Edge, event: str) -> Handler | None:
    """Return the handler that implements an operation, by its event or its own name: the last declared wins."""
    known = [handler for handler in reversed(entity.handlers) if _counts(handler, entity)]
    found = next((handler for handler in known if handler.event == event), None)
    return found or next((handler for handler in known if handler.name == event), None)


def _counts(handler: Handler, entity: Vertex | Edge) -> bool:
    """Whether a handler is one: of a substituted node, nothing is that implements an operation itself."""
    substituted = nesting.SUBSTITUTED in entity.metadata
    return not substituted if UNLESS in handler.metadata else handler.call.function != MAPPED or substituted


def notification(call: Call) -> dict[str, list[Value]] | None:
    """Return to which attributes what is sent with a notification goes, when nothing else implements it."""
    what = call.arguments[0] if call.function == OPERATION and call.arguments else None
    if not isinstance(what, dict) or what.get("artifact") is not None or not isinstance(what.get("outputs"), dict):
        return None
    outputs = what["outputs"]
    assert isinstance(outputs, dict)
    return {name: path for name, path in outputs.items() if isinstance(path, list)} or None


def is_plugin_call(call: Call) -> bool:
    """Whether `call` is for a plugin, and not for the function libraries."""
    return call.function == OPERATION or call.function.partition(":")[0] not in ("tosca", "floria")


def _operation(call: Call, processor: Processor) -> Target:
    what = call.arguments[0] if call.arguments else None
    if not isinstance(what, dict):
        raise model.refuse("bad-call", f"{OPERATION} needs a map")
    name = ".".join(str(what.get(key)) for key in ("interface", "operation"))
    if what.get("artifact") is None:
        raise model.refuse("no-implementation", f"operation {name} has no implementation")
    artifact = msgspec.convert(what["artifact"], Artifact)
    dependencies = msgspec.convert(what.get("dependencies") or [], list[Artifact])
    files = {one.file: one.blob for one in (artifact, *dependencies) if one.blob is not None}
    inputs = what.get("inputs") or {}
    outputs = what.get("outputs") or {}
    assert isinstance(inputs, dict)
    assert isinstance(outputs, dict)
    plugin, function = _processing(artifact, str(what.get("operation")), processor, name)
    timeout = what.get("timeout")
    return Target(
        plugin,
        function,
        dict(inputs),
        artifact,
        files,
        {key: path for key, path in outputs.items() if isinstance(path, list)},
        float(timeout) if isinstance(timeout, int | float) else None,
    )


def _processing(artifact: Artifact, operation: str, processor: Processor, name: str) -> tuple[str, str]:
    if any(label.endswith(DRIVER) for label in artifact.classes):
        return artifact.file, operation
    for label in artifact.classes:
        if (plugin := processor(label)) is not None:
            return plugin, RUN
    shown = artifact.classes[0] if artifact.classes else "no type"
    raise model.refuse(
        "no-processor",
        f"operation {name} is implemented by {artifact.file!r} of type {shown}, which no plugin processes",
        hint="see the types that plugins process with `khutulun plugin list`",
    )


def processors(manifests: Mapping[str, Mapping[str, Value]]) -> dict[str, str]:
    """Return artifact type to plugin name, of plugins' manifests by name."""
    found: dict[str, str] = {}
    for plugin, manifest in manifests.items():
        types = manifest.get("artifacts")
        if isinstance(types, list):
            found.update({str(label): plugin for label in types})
    return found
