"""Imperative workflows (section 13.2): read and checked; the orchestrator executes them."""

from typing import Any

from puccini.diagnostics import mistaken, suggest
from puccini.grammar.policies import WORKFLOW, StepDefinition, WorkflowDefinition
from puccini.model.data import Role
from puccini.model.service import Group, NodeTemplate, Service, Step, Workflow
from puccini.model.types import Interface
from puccini.nodes import Node
from puccini.semantics import activities, artifacts, definitions, templates
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope


def declare(service: Service, resolver: Resolver) -> None:
    """Make the workflows of the service, with their inputs: steps and triggers may inline any of them."""
    scope = Scope(service.unit, service=service)
    service.workflows = {}
    for name, definition in service.definition.workflows.items():
        service.workflows[name] = workflow = Workflow(definition.name, definition.node)
        workflow.metadata = definition.metadata
        workflow.inputs = definitions.extend(
            {}, definition.inputs, Role.PARAMETER, scope, resolver, untyped=True, incoming=True
        )


def build(service: Service, resolver: Resolver) -> None:
    """Fill the workflows of the service."""
    for name, definition in service.definition.workflows.items():
        _fill(service.workflows[name], definition, service, resolver)
    if service.workflows:
        from puccini.semantics import circles

        circles.check(service, resolver.report)


def _fill(workflow: Workflow, definition: WorkflowDefinition, service: Service, resolver: Resolver) -> None:
    scope = Scope(service.unit, service=service, inputs=workflow.inputs)
    if definition.precondition is not None:
        workflow.precondition = templates.condition(definition.precondition, scope, resolver)
    if definition.steps is not None and definition.implementation is not None:
        message = "a workflow has steps or an implementation, not both"
        resolver.report.error("bad-workflow", message, definition.implementation.node, key=True)
    written = definition.node.value
    absent = "steps" not in written and not mistaken("steps", set(written) - WORKFLOW.keys.keys())
    if definition.steps is None and definition.implementation is None and absent:
        message = f"the workflow {definition.name!r} has neither steps nor an implementation"
        resolver.report.error("missing-keyname", message, definition.node)
    for name, step in (definition.steps or {}).items():
        workflow.steps[name] = _step(step, definition, service, scope, resolver)
    if definition.implementation is not None:
        implementation: dict[str, Any] = {}
        artifacts.implement(implementation, definition.implementation, service.unit, {}, resolver)
        workflow.implementation = implementation
    for name, node in definition.outputs.items():
        mapped = definitions.mapping(node, None, scope, resolver)
        if mapped is not None:
            workflow.outputs[name] = mapped


def _step(
    definition: StepDefinition, workflow: WorkflowDefinition, service: Service, scope: Scope, resolver: Resolver
) -> Step:
    step = Step(definition.name, definition.node)
    targets, interfaces, source = _targets(definition, service, resolver)
    step.target = definition.target.text if definition.target is not None else ""
    relationship = definition.target_relationship
    step.target_relationship = relationship.text if relationship is not None else ""
    owner = targets[0] if len(targets) == 1 and interfaces is None else None
    inner = scope.with_(owner=owner, relationship=interfaces is not None, source=source)
    step.filters = [templates.condition(node, inner, resolver) for node in definition.filter]
    step.actions = activities.build(definition.activities, targets, service, inner, resolver, interfaces)
    step.on_success = _following(definition.on_success, workflow, resolver)
    step.on_failure = _following(definition.on_failure, workflow, resolver)
    return step


def _targets(
    definition: StepDefinition, service: Service, resolver: Resolver
) -> tuple[list[NodeTemplate], dict[str, Interface] | None, NodeTemplate | None]:
    """Return the nodes of a step and, when it is for a relationship, that one's interfaces and source."""
    name, relationship = definition.target, definition.target_relationship
    if name is None:
        return [], None, None
    known: dict[str, NodeTemplate | Group] = {**service.groups, **service.nodes}
    target = known.get(name.text)
    if target is None:
        if any(service.uncertain(section, name.text) for section in ("node_templates", "groups")):
            return [], None, None
        message = f"there is neither a node template nor a group {name.text!r}"
        resolver.report.error("unknown-node", message, name, suggest(name.text, known))
        return [], None, None
    if isinstance(target, NodeTemplate) and target.selects:
        message = f"{target.name!r} is a node of another service, which no step of this one changes"
        resolver.report.warn("selected-target", message, name, "make the step part of the service that has the node")
    if relationship is None:
        return (target.nodes() if isinstance(target, Group) else [target]), None, None
    if isinstance(target, Group):
        message = "a group has no requirements; 'target_relationship' is for nodes"
        resolver.report.error("bad-step", message, relationship, key=True)
        return target.nodes(), None, None
    requirements = target.type.requirements if target.type is not None else {}
    requirement = requirements.get(relationship.text)
    if requirement is None:
        if target.type is not None and not target.type.incomplete:
            message = f"{target.name!r} has no requirement {relationship.text!r}"
            hint = suggest(relationship.text, requirements)
            resolver.report.error("unknown-requirement", message, relationship, hint)
        return [], {}, target
    defined = requirement.relationship
    return [], defined.interfaces if defined is not None else {}, target


def _following(names: list[Node], workflow: WorkflowDefinition, resolver: Resolver) -> list[str]:
    steps = workflow.steps or {}
    for name in names:
        if name.text not in steps and name.text not in workflow.node.value.get("steps", ()):
            message = f"the workflow {workflow.name!r} has no step {name.text!r}"
            resolver.report.error("unknown-step", message, name, suggest(name.text, steps))
    return [name.text for name in names if name.text in steps]
