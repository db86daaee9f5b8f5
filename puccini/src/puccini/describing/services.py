"""A service template from outside: what goes in, what comes out, what it is made of."""

from typing import Any

from puccini.describing import types
from puccini.model.service import NodeTemplate, RequirementUse, Service


def service(found: Service) -> dict[str, Any]:
    """Return inputs, outputs and what is inside by name; empty sections are left out."""
    return types.compact(
        {
            "file": found.unit.name,
            "description": found.description,
            "metadata": dict(found.metadata),
            "inputs": types.data(found.inputs),
            "outputs": types.data(found.outputs),
            "node_templates": {name: node(one) for name, one in found.nodes.items()},
            "groups": {
                name: types.compact(
                    {
                        "type": one.type.name if one.type is not None else "",
                        "members": [member.name for member in one.members],
                    }
                )
                for name, one in found.groups.items()
            },
            "policies": {
                one.name: types.compact(
                    {
                        "type": one.type.name if one.type is not None else "",
                        "targets": [target.name for target in one.targets],
                        "triggers": [trigger.name for trigger in one.triggers],
                    }
                )
                for one in found.policies
            },
            "workflows": {
                name: types.compact({"inputs": types.data(one.inputs), "steps": list(one.steps)})
                for name, one in found.workflows.items()
            },
            "substitutes": found.substitutes.name if found.substitutes is not None else "",
        }
    )


def node(found: NodeTemplate) -> dict[str, Any]:
    """Return a node template: its type, what is assigned, where its requirements lead."""
    return types.compact(
        {
            "type": found.type.name if found.type is not None else "",
            "description": found.description,
            "directives": [one.text for one in found.directives],
            "count": types.value(found.count) if found.count != 1 else None,
            "properties": {name: types.value(one) for name, one in found.properties.items()},
            "requirements": [{one.name: _target(one)} for one in found.requirements],
        }
    )


def _target(found: RequirementUse) -> str:
    if found.target is not None:
        return found.target.name
    wanted = found.node_type or found.capability_type
    return f"any {wanted.name}" if wanted is not None else f"any {found.capability_name}"
