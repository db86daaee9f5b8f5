"""Groups, policies with their triggers, and workflows of TOSCA 1.x."""

from collections.abc import Sequence

from puccini import yaml
from puccini.dialects.constraints import conditions
from puccini.dialects.data import PROPERTY
from puccini.dialects.forms import Form, Page, Rule, Watch, ignore, listed, named, named_list, same, to
from puccini.dialects.interfaces import implementation
from puccini.dialects.values import interface_name, value, values
from puccini.dialects.writing import Draft, Written, both, entries, keep, marks, sequence, single
from puccini.nodes import Node, describe

_SELF = "SELF"
GROUP_OPERATIONS = "groups have no operations of their own, since TOSCA 1.3: these are never called"
GROUP_HINT = "give them to the members; a workflow step whose target is the group calls those of each member"


def _operation_name(node: Node, page: Page) -> Written:
    if not isinstance(node.value, str):
        return keep(node)
    interface, dot, operation = node.value.rpartition(".")
    return Written(f"{interface_name(interface)}{dot}{operation}", marks(node))


_CALL = Form("call_operation activity", same(operation=_operation_name, inputs=values), _operation_name)
_ACTIVITIES: dict[object, Rule] = {
    "call_operation": _CALL,
    **{
        name: Form(f"{name} activity", same(workflow=None, inputs=values), lambda node, page: keep(node))
        for name in ("delegate", "inline")
    },
}


def _activity(node: Node, page: Page) -> Written | None:
    if type(node.value) is not yaml.Map or len(node.value) != 1:
        return keep(node)
    ((key, child),) = node.items()
    rule = _ACTIVITIES.get(key)
    written = rule(child, page) if rule is not None else keep(child)
    return single(key, written, marks(child)) if written is not None else None


ACTIVITIES = listed(_activity)


def _event(node: Node, page: Page) -> Written | None:
    """An event is a name; until 1.2 it may have been a definition of one."""
    if type(node.value) is yaml.Map:
        for key, child in page.entries(node):
            if key in ("type", "event_type") and isinstance(child.value, str):
                return Written(child.value, marks(node))
    return keep(node)


def _trigger_condition(node: Node, page: Page) -> Written | None:
    """A condition, or the extended form with a ``constraint`` and how often it is looked at."""
    if type(node.value) is yaml.Map and "constraint" in node.value:
        about = node
        for key, child in page.entries(node):
            if key not in ("constraint", "description"):
                message = f"{key}: a condition is looked at whenever its event comes, and not at other times"
                page.report.warn("condition-period", message, child, key=True)
        node = node.child("constraint")
        trigger = about.parent
    else:
        trigger = node.parent
    if isinstance(node.value, str):
        message = f"{node.value!r} is for who sends the event: the trigger acts whenever it comes"
        page.report.warn("foreign-condition", message, node, "such as state: [ equal: started ]")
        return None
    found = conditions(node, page, _watched(trigger))
    return both(found, marks(node)) if found else None


def _watched(trigger: Node | None) -> Sequence[str]:
    """Return the path to what the condition of a trigger is about: a node, or a part of it."""
    given = trigger.get("target_filter") if trigger is not None else None
    if given is None or type(given.value) is not yaml.Map:
        return (_SELF,)
    path: list[str] = [_SELF]
    requirement, capability = given.value.get("requirement"), given.value.get("capability")
    if isinstance(requirement, str):
        path += ["RELATIONSHIP", requirement, "TARGET"]
    if isinstance(capability, str):
        path += ["CAPABILITY", capability]
    return path


_FILTER = Form("event filter", same(node=None, requirement=None, capability=None), lambda node, page: keep(node))
_SCHEDULE = Form("schedule", same(start_time=None, end_time=None))


def _target_filter(node: Node, page: Page, draft: Draft) -> None:
    _FILTER(node, page)
    found = node.get("node")
    if node.parent is None or found is None or not isinstance(found.value, str):
        message = "target_filter: a map with the name of a node template or type as 'node' was expected"
        page.report.error("wrong-kind", message, node, "such as { node: NAME }")
        return
    place = marks(node.parent)
    page.watches[place] = page.watches.get(place, Watch())._replace(node=found)


def _schedule(node: Node, page: Page, draft: Draft) -> None:
    _SCHEDULE(node, page)
    if type(node.value) is not yaml.Map or node.parent is None:
        message = f"schedule: a map with 'start_time' and 'end_time' was expected, not {describe(node.value)}"
        page.report.error("wrong-kind", message, node)
        return
    place = marks(node.parent)
    page.watches[place] = page.watches.get(place, Watch())._replace(schedule=node)


def _action(node: Node, page: Page) -> Written | None:
    if type(node.value) is yaml.Seq:
        return ACTIVITIES(node, page)
    message = f"action: a list of activities was expected, not {describe(node.value)}"
    page.report.warn("old-action", message, node, "write '- call_operation: INTERFACE.OPERATION'", key=True)
    return sequence([], marks(node))


def _complete_trigger(node: Node, page: Page, draft: Draft) -> None:
    if "action" not in draft.value:
        draft.put("action", sequence([], marks(node)))


_TRIGGER = Form(
    "trigger definition",
    {
        "event": to("event", _event),
        "event_type": to("event", _event),
        "condition": to("condition", _trigger_condition),
        "constraint": to("condition", _trigger_condition),
        "action": to("action", _action),
        "schedule": _schedule,
        "target_filter": _target_filter,
    },
    finish=_complete_trigger,
)
TRIGGERS = named(_TRIGGER)

GROUP = Form(
    "group definition",
    {
        **same(type=None, properties=values, attributes=values, members=None),
        "interfaces": ignore("group-behaviour", GROUP_OPERATIONS, GROUP_HINT),
    },
)
POLICY = Form("policy definition", same(type=None, properties=values, targets=None, triggers=TRIGGERS))
POLICIES = named_list(POLICY, "policies")


def _on(node: Node) -> str:
    """Return the node that the clauses of a step or a precondition are about."""
    above = node.parent.value if node.parent is not None else {}
    target = above.get("target")
    return target if isinstance(target, str) else _SELF


def _step_filter(node: Node, page: Page, draft: Draft) -> None:
    draft.put("filter", sequence(conditions(node, page, (_SELF,)), marks(node)))


def _preconditions(node: Node, page: Page, draft: Draft) -> None:
    found: list[Written] = []
    for item in node if type(node.value) is yaml.Seq else [node]:
        if type(item.value) is not yaml.Map:
            message = f"a precondition is a map with a target and conditions, not {describe(item.value)}"
            page.report.error("wrong-kind", message, item)
            continue
        for key, child in entries(item):
            if key == "condition":
                found.extend(conditions(child, page, (_on(child),)))
            elif key not in ("target", "description"):
                _unknown_in_precondition(str(key), child, page)
    if found:
        draft.put("precondition", both(found, marks(node)))


def _unknown_in_precondition(key: str, node: Node, page: Page) -> None:
    if key == "target_relationship":
        message = "target_relationship: the attributes of a precondition are those of its target"
        page.report.warn("relationship-condition", message, node, key=True)
    else:
        page.report.error("unknown-keyname", f"precondition: {key!r} is not a keyname here", node, key=True)


_STEP = Form(
    "workflow step",
    {
        **same(target=None, target_relationship=None, activities=ACTIVITIES, on_success=None, on_failure=None),
        "filter": _step_filter,
        "operation_host": ignore("operation-host", "operation_host: operations run on the host of their node"),
    },
)


def _finish_workflow(node: Node, page: Page, draft: Draft) -> None:
    if "steps" not in draft.value and "implementation" not in draft.value:
        draft.put("steps", Written(yaml.Map(), marks(node)))


WORKFLOWS = named(
    Form(
        "workflow definition",
        {
            **same(inputs=named(PROPERTY), steps=named(_STEP), implementation=implementation, outputs=named(value)),
            "preconditions": _preconditions,
            "precondition": _preconditions,
        },
        finish=_finish_workflow,
    )
)
