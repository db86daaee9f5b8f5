"""What is valid TOSCA but has no meaning here yet: refused by name, with its place, when a service is compiled."""

import graphlib
from collections.abc import Iterable, Mapping

from puccini.diagnostics import Report
from puccini.grammar.policies import ActivityKind
from puccini.loading import Loaded
from puccini.model.service import Action, Workflow
from puccini.nodes import Node

UNSUPPORTED = "unsupported"
DELEGATES = ("deploy", "undeploy")
"""The workflows that an orchestrator provides, to which activities can delegate."""


def check(loaded: Loaded, report: Report) -> None:
    """Report everything in the service that cannot be compiled."""
    service, resolver = loaded.service, loaded.resolver
    assert service is not None
    assert resolver is not None
    for workflow in service.workflows.values():
        _workflow(workflow, report)
    _check_circle(
        {
            name: [one for step in workflow.steps.values() for one in step.actions if one.kind is ActivityKind.INLINE]
            for name, workflow in service.workflows.items()
        },
        report,
    )
    for policy in service.policies:
        for trigger in policy.triggers:
            _activities(trigger.actions, report)
    for artifact, _ in resolver.artifacts:
        if artifact.type is None and artifact.is_local:
            message = f"{artifact.file!r} cannot be run: it has no artifact type"
            report.error("unknown-artifact", message, artifact.node, "write 'primary: { type: ..., file: ... }'")
        elif artifact.type is not None and artifact.type.is_file and not artifact.path and artifact.is_local:
            message = f"there is no file {artifact.file!r}, which an operation or function runs"
            report.error("missing-file", message, artifact.node, f"it was looked for in {artifact.unit.source.root}")
    for artifact in resolver.built_artifacts:
        if artifact.repository:
            message = f"the artifact {artifact.name or artifact.file!r} is in a repository"
            _refuse(message, artifact.node, "12.2", report, "put its file into the service's own folder")


def _workflow(workflow: Workflow, report: Report) -> None:
    if workflow.implementation is not None:
        message = f"the implementation of the workflow {workflow.name!r} by an artifact"
        _refuse(message, workflow.node, "13.2", report, "write its steps")
    for name, mapping in workflow.outputs.items():
        if len(mapping) != 2 or not all(isinstance(part, str) for part in mapping):
            message = f"the mapping of the workflow's output {name!r} to anything but an attribute of a node"
            _refuse(message, workflow.node, "13.2", report, "write it as [ NODE, ATTRIBUTE ]")
    for step in workflow.steps.values():
        _activities(step.actions, report)
    leads = {name: {*step.on_success, *step.on_failure} for name, step in workflow.steps.items()}
    if circle := _circle(leads):
        message = f"a circle of steps ({' -> '.join(circle)})"
        _refuse(message, workflow.steps[circle[0]].node, "13.2.2", report)


def _activities(actions: Iterable[Action], report: Report) -> None:
    for action in actions:
        if action.kind is not ActivityKind.DELEGATE:
            continue
        if action.subject not in DELEGATES:
            hint = f"there are: {', '.join(DELEGATES)}; 'inline' is for the workflows of the service template"
            _refuse(f"delegating to a workflow {action.subject!r}", action.node, "13.2.3.1", report, hint)
        elif action.inputs:
            _refuse(f"inputs of the delegate workflow {action.subject!r}", action.node, "13.2.3.1", report)


def _check_circle(inlined: Mapping[str, list[Action]], report: Report) -> None:
    """Report workflows that come to inline themselves."""
    circle = _circle({name: {one.subject for one in actions} for name, actions in inlined.items()})
    if circle:
        where = next(one for one in inlined[circle[0]] if one.subject in circle)
        message = f"a circle of workflows that inline each other ({' -> '.join(circle)})"
        _refuse(message, where.node, "13.2.3.4", report)


def _circle(leads: Mapping[str, set[str]]) -> list[str]:
    try:
        graphlib.TopologicalSorter(leads).prepare()
    except graphlib.CycleError as error:
        return list(reversed(error.args[1]))
    return []


def _refuse(what: str, node: Node, section: str, report: Report, hint: str = "") -> None:
    report.error(UNSUPPORTED, f"{what} is not supported yet (section {section})", node, hint)
