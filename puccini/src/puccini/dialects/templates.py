"""Topology templates of TOSCA 1.x, which TOSCA 2.0 calls service templates, and what is in them."""

from puccini import yaml
from puccini.dialects.constraints import node_filter
from puccini.dialects.data import INPUT, PARAMETER
from puccini.dialects.forms import Form, Page, drop, listed, named, named_list, same, to
from puccini.dialects.interfaces import INTERFACE_ASSIGNMENTS, artifacts
from puccini.dialects.policies import GROUP, POLICIES, WORKFLOWS
from puccini.dialects.substitution import SUBSTITUTION
from puccini.dialects.types import UNBOUNDED, filter_of_target, is_count, limited
from puccini.dialects.values import assigned
from puccini.dialects.writing import Draft, Written, keep, marks
from puccini.nodes import Node

_DIRECTIVES = {"selectable": "select", "substitutable": "substitute"}
_DATA = same(properties=assigned, attributes=assigned)
_INTERFACES = same(interfaces=INTERFACE_ASSIGNMENTS)


def _directive(node: Node, page: Page) -> Written:
    return Written(_DIRECTIVES.get(node.value, node.value), marks(node)) if isinstance(node.value, str) else keep(node)


def _occurrences(node: Node, page: Page, draft: Draft) -> None:
    """How many targets an assignment is for: at least one number of them, or else perhaps one."""
    bounds = node.value
    if type(bounds) is not yaml.Seq or len(bounds) != 2 or not is_count(bounds[0]):
        message = "occurrences: a list of two counts was expected"
        page.report.error("bad-range", message, node, f"such as [ 1, 1 ] or [ 0, {UNBOUNDED} ]")
        return
    place = marks(node)
    if bounds[0] > 0:
        draft.put("count", Written(bounds[0], place))
        return
    draft.put("optional", Written(True, place))
    draft.put("count", Written(bounds[1] if is_count(bounds[1]) or bounds[1] == UNBOUNDED else 1, place))


RELATIONSHIP_ASSIGNMENT = Form(
    "relationship assignment",
    {**_DATA, **_INTERFACES, "type": to("type")},
    lambda node, page: keep(node),
)
REQUIREMENT_ASSIGNMENT = Form(
    "requirement assignment",
    {
        **same(node=None, capability=None, relationship=RELATIONSHIP_ASSIGNMENT, node_filter=filter_of_target),
        "occurrences": _occurrences,
    },
    lambda node, page: keep(node),
)
CAPABILITY_ASSIGNMENT = Form("capability assignment", {**_DATA, "occurrences": limited})

_TEMPLATE = {**_DATA, **_INTERFACES, **same(type=None, copy=None)}
NODE_TEMPLATE = Form(
    "node template",
    {
        **_TEMPLATE,
        **same(
            directives=listed(_directive),
            requirements=named_list(REQUIREMENT_ASSIGNMENT, "requirement assignments"),
            capabilities=named(CAPABILITY_ASSIGNMENT),
            artifacts=artifacts,
            node_filter=node_filter(("SELF",)),
        ),
    },
)
RELATIONSHIP_TEMPLATE = Form("relationship template", {**_TEMPLATE, "alias": drop})


def _complete(node: Node, page: Page, draft: Draft) -> None:
    """A topology template may be without nodes, and need outputs for what is mapped."""
    if "node_templates" not in draft.value:
        draft.put("node_templates", Written(yaml.Map(), marks(node)))
    if page.exposed:
        outputs, made = draft.value.get("outputs"), Draft()
        if type(outputs) is yaml.Map:
            for name, place in outputs.marks.items():
                made.put(name, Written(outputs[name], place))
        for name, written in page.exposed.items():
            made.put(name, written)
        draft.put("outputs", made.at(node))


TOPOLOGY = Form(
    "topology template",
    {
        **same(
            inputs=named(INPUT),
            outputs=named(PARAMETER),
            node_templates=named(NODE_TEMPLATE),
            relationship_templates=named(RELATIONSHIP_TEMPLATE),
            groups=named(GROUP),
            policies=POLICIES,
            workflows=WORKFLOWS,
            substitution_mappings=SUBSTITUTION,
        ),
    },
    finish=_complete,
)
