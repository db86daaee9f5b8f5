"""Workflows that could not run: steps that lead to each other in a circle, workflows that come to inline themselves.

`puccini.semantics.workflows` asks when all workflows of a service are built.
"""

import graphlib
from collections.abc import Mapping

from puccini.diagnostics import Report
from puccini.grammar.policies import ActivityKind
from puccini.model.service import Action, Service, Workflow


def check(service: Service, report: Report) -> None:
    """Report the circles of a service's workflows (sections 13.2.2 and 13.2.3), each with its chain."""
    for workflow in service.workflows.values():
        _steps(workflow, report)
    inlined = {
        name: [one for step in workflow.steps.values() for one in step.actions if one.kind is ActivityKind.INLINE]
        for name, workflow in service.workflows.items()
    }
    _inlining(inlined, service.workflows, report)


def _steps(workflow: Workflow, report: Report) -> None:
    leads = {name: [*step.on_success, *step.on_failure] for name, step in workflow.steps.items()}
    if circle := _circle(leads):
        message = f"the steps lead to each other in a circle ({' -> '.join(circle)}), so that none of them can begin"
        hint = "a step begins when those that lead to it have ended; to do something again, inline a workflow twice"
        first, second = (workflow.steps[name].node for name in circle[:2])
        report.error("step-circle", message, first, hint, related=second if second is not first else None)


def _inlining(inlined: Mapping[str, list[Action]], workflows: Mapping[str, Workflow], report: Report) -> None:
    circle = _circle({name: [one.subject for one in actions] for name, actions in inlined.items()})
    if circle:
        where, other = circle[:2]
        action = next(one for one in inlined[where] if one.subject == other)
        message = f"the workflows inline each other in a circle ({' -> '.join(circle)}), which never ends"
        hint = "take one of them out of the other"
        related = workflows[other].node if other != where else None
        report.error("inline-circle", message, action.node, hint, related=related)


def _circle(leads: Mapping[str, list[str]]) -> list[str]:
    """Return a chain that ends where it begins, from the first of its members on; empty when there is none."""
    try:
        graphlib.TopologicalSorter(leads).prepare()
    except graphlib.CycleError as error:
        chain: list[str] = list(reversed(error.args[1]))[:-1]
        begin = chain.index(next(name for name in leads if name in chain))
        return [*chain[begin:], *chain[:begin], chain[begin]]
    return []
