"""Imperative workflows as vertex templates whose handler of the event ``run`` holds the steps (section 13.2)."""

from collections.abc import Iterator
from typing import Any

from floria.entities import Handler, VertexTemplate
from floria.values import Call
from puccini.compilation import policies, properties
from puccini.compilation.marks import INPUT, WORKFLOW
from puccini.compilation.state import State
from puccini.model.data import UNSET
from puccini.model.service import Service, Step, Workflow

RUN = "run"
CALL = "tosca:workflow"


def vertexes(service: Service, root: VertexTemplate, state: State) -> Iterator[VertexTemplate]:
    """Yield the vertex templates of workflows; their properties are the workflows' inputs."""
    for workflow in service.workflows.values():
        yield VertexTemplate(
            id=state.id("workflow", workflow.name),
            name=workflow.name,
            parent=root.id,
            classes=(WORKFLOW,),
            properties={name: properties.build(one, one.initial, (INPUT,)) for name, one in workflow.inputs.items()},
            handlers=(
                Handler(
                    event=RUN,
                    call=Call(CALL, [_plain(workflow)]),
                    name=workflow.name,
                    metadata={"tosca.origin": workflow.node.origin},
                ),
            ),
            metadata=properties.metadata(workflow.node, workflow.metadata),
        )


def _plain(workflow: Workflow) -> dict[str, Any]:
    result: dict[str, Any] = {
        "workflow": workflow.name,
        "steps": {name: _step(step) for name, step in workflow.steps.items()},
        "outputs": {name: list(mapping) for name, mapping in workflow.outputs.items()},
        "required": [name for name, one in workflow.inputs.items() if one.required and one.initial is UNSET],
    }
    if workflow.implementation is not None:
        result["implementation"] = dict(workflow.implementation)
    if workflow.precondition is not None:
        result["precondition"] = workflow.precondition
    return result


def _step(step: Step) -> dict[str, Any]:
    return {
        "target": step.target,
        "target_relationship": step.target_relationship,
        "filter": list(step.filters),
        "activities": policies.actions(step.actions),
        "on_success": list(step.on_success),
        "on_failure": list(step.on_failure),
    }
