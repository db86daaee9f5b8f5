"""What can be read but not compiled: files that are not here, and workflows that could not run."""

import graphlib
from collections.abc import Mapping

from puccini import repositories
from puccini.diagnostics import Report
from puccini.grammar.policies import ActivityKind
from puccini.loading import Loaded
from puccini.model.service import Action, Workflow


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
    for artifact, _ in resolver.artifacts:
        if artifact.type is None and artifact.is_local:
            message = f"{artifact.file!r} cannot be run: it has no artifact type"
            report.error("unknown-artifact", message, artifact.node, "write 'primary: { type: ..., file: ... }'")
        elif artifact.type is not None and artifact.type.is_file and not artifact.path and artifact.is_local:
            message = f"there is no file {artifact.file!r}, which an operation or function runs"
            report.error("missing-file", message, artifact.node, f"it was looked for in {artifact.unit.source.root}")
    run = {id(artifact) for artifact, _ in resolver.artifacts}
    for artifact in resolver.built_artifacts:
        if artifact.repository and artifact.type is not None and artifact.type.is_file and not artifact.path:
            message = f"the file {artifact.file!r} of the repository {artifact.repository!r} is not here"
            hint = f"the repository is {artifact.repository_url}"
            if repositories.is_remote(artifact.repository_url):
                hint += "; nothing is fetched over the network unless that is allowed (--allow-network)"
            unused = hasattr(artifact.node.document, "original") and id(artifact) not in run
            (report.warn if unused else report.error)("missing-file", message, artifact.node, hint)


def _workflow(workflow: Workflow, report: Report) -> None:
    leads = {name: {*step.on_success, *step.on_failure} for name, step in workflow.steps.items()}
    if circle := _circle(leads):
        message = f"the steps lead to each other in a circle ({' -> '.join(circle)}), so that none of them can begin"
        hint = "a step begins when those that lead to it have ended; to do something again, inline a workflow twice"
        report.error("step-circle", message, workflow.steps[circle[0]].node, hint)


def _check_circle(inlined: Mapping[str, list[Action]], report: Report) -> None:
    """Report workflows that come to inline themselves."""
    circle = _circle({name: {one.subject for one in actions} for name, actions in inlined.items()})
    if circle:
        where = next(one for one in inlined[circle[0]] if one.subject in circle)
        message = f"the workflows inline each other in a circle ({' -> '.join(circle)}), which never ends"
        report.error("inline-circle", message, where.node, "take one of them out of the other")


def _circle(leads: Mapping[str, set[str]]) -> list[str]:
    try:
        graphlib.TopologicalSorter(leads).prepare()
    except graphlib.CycleError as error:
        return list(reversed(error.args[1]))
    return []
