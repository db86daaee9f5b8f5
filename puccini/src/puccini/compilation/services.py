"""The vertex of a service itself, whether it stands alone or is inside of a substituted node."""

import posixpath

from floria.entities import Property, VertexTemplate
from puccini.compilation import properties
from puccini.compilation.marks import INPUT, OUTPUT, REQUIRED, SERVICE
from puccini.compilation.state import State
from puccini.loading import Loaded
from puccini.model.data import UNSET
from puccini.model.service import Service


def vertex(state: State) -> VertexTemplate:
    """Return the vertex template of the service itself: its properties are inputs and outputs."""
    one = state.service
    found: dict[str, Property] = {}
    for name, definition in one.inputs.items():
        needed = definition.required and definition.initial is UNSET
        found[name] = properties.build(definition, definition.initial, (INPUT, REQUIRED) if needed else (INPUT,))
    keys = output_names(one)
    for name, definition in one.outputs.items():
        found[keys[name]] = properties.build(definition, definition.initial, OUTPUT)
    return VertexTemplate(
        id=state.id("service"),
        name=state.name,
        classes=(SERVICE,),
        properties=found,
        metadata=properties.metadata(one.node, one.metadata, one.description),
    )


def output_names(one: Service) -> dict[str, str]:
    """Return the properties in which the outputs of a service are."""
    return {name: name if name not in one.inputs else f"output:{name}" for name in one.outputs}


def name(loaded: Loaded) -> str:
    """Return what the service in a file is called where nothing else is said."""
    assert loaded.entry is not None
    assert loaded.service is not None
    written = loaded.entry.file.metadata.get("template_name") or loaded.service.metadata.get("template_name")
    if isinstance(written, str) and written and "/" not in written:
        return written
    return posixpath.splitext(posixpath.basename(loaded.entry.path))[0]
