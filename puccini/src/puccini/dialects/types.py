"""Types of TOSCA 1.x, of all kinds but data and interface types."""

from puccini import yaml
from puccini.dialects.constraints import node_filter
from puccini.dialects.data import ATTRIBUTE, DATA_TYPE, PROPERTY
from puccini.dialects.forms import Form, Occurrences, Page, as_list, as_text, ignore, named, named_list, same, to
from puccini.dialects.interfaces import INTERFACE_TYPE, INTERFACES, artifacts
from puccini.dialects.policies import GROUP_HINT, GROUP_OPERATIONS, TRIGGERS
from puccini.dialects.writing import Draft, Written, keep, marks, sequence
from puccini.nodes import Node

UNBOUNDED = "UNBOUNDED"
TARGET = ("SELF", "TARGET")
"""The way from a relationship to the node that its requirement's filter is about."""

_TYPE = same(derived_from=None, version=as_text)
_DATA = same(properties=named(PROPERTY), attributes=named(ATTRIBUTE))


def filter_of_target(node: Node, page: Page) -> Written | None:
    """Return the node filter of a requirement. What is SELF in it is the source of the relationship in TOSCA 2.0."""
    before, page.within = page.within, ("SOURCE",)
    try:
        return node_filter(TARGET)(node, page)
    finally:
        page.within = before


def _occurrences(node: Node, page: Page, draft: Draft) -> None:
    draft.put("count_range", keep(node))


def _once(node: Node, page: Page, draft: Draft) -> None:
    """Without ``occurrences``, a requirement is for exactly one target."""
    if "count_range" not in draft.value:
        place = marks(node)
        draft.put("count_range", sequence([Written(1, place), Written(1, place)], place))


def _capability_name(node: Node, page: Page) -> Written:
    """The short form of a requirement definition."""
    if not isinstance(node.value, str):
        return keep(node)
    draft = Draft()
    draft.put("capability", keep(node))
    _once(node, page, draft)
    return draft.at(node)


RELATIONSHIP = Form(
    "relationship definition",
    {**_DATA, **same(type=None, interfaces=INTERFACES)},
    lambda node, page: keep(node),
)
REQUIREMENT = Form(
    "requirement definition",
    {
        **same(capability=None, node=None, relationship=RELATIONSHIP, node_filter=filter_of_target),
        "occurrences": _occurrences,
    },
    _capability_name,
    finish=_once,
)


def limited(node: Node, page: Page, draft: Draft) -> None:
    """How many relationships lead to a capability, which is kept beside what TOSCA 2.0 has."""
    match node.value:
        case [int(lower), str(upper)] if upper == UNBOUNDED and lower >= 0 and node.parent is not None:
            page.limits[marks(node.parent)] = Occurrences(lower, None)
        case [int(lower), int(most)] if 0 <= lower <= most and node.parent is not None:
            page.limits[marks(node.parent)] = Occurrences(lower, most)
        case _:
            message = "occurrences: a list of two counts was expected"
            page.report.error("bad-range", message, node, f"such as [ 0, 1 ] or [ 1, {UNBOUNDED} ]")


def is_count(value: object) -> bool:
    """Whether a value is a number of things."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


CAPABILITY = Form(
    "capability definition",
    {
        **_DATA,
        "type": to("type"),
        "valid_source_types": to("valid_source_node_types"),
        "occurrences": limited,
    },
    lambda node, page: keep(node),
)


def _valid_targets(node: Node, page: Page, draft: Draft) -> None:
    """The targets are types of capabilities; types of nodes are accepted with a warning."""
    if type(node.value) is not yaml.Seq:
        draft.put("valid_capability_types", keep(node))
        return
    nodes = [item for item in node if _is_node_type(item)]
    capabilities = [item for item in node if not _is_node_type(item)]
    for item in nodes:
        message = f"valid_target_types are types of capabilities, and {item.value!r} is a type of nodes"
        page.report.warn("node-as-target", message, item)
    if nodes:
        draft.put("valid_target_node_types", sequence([keep(item) for item in nodes], marks(node)))
    if capabilities or not nodes:
        draft.put("valid_capability_types", sequence([keep(item) for item in capabilities], marks(node)))


def _is_node_type(node: Node) -> bool:
    """Whether a name is that of a node type, as its file or its parts say."""
    if not isinstance(node.value, str):
        return False
    for kind in ("capability_types", "node_types"):
        known = node.document.value.get(kind)
        if isinstance(known, dict) and node.value in known:
            return kind == "node_types"
    return "nodes" in node.value.split(".")


TYPES = {
    "artifact_types": Form(
        "artifact type",
        {**_TYPE, **same(mime_type=None, file_ext=as_list, properties=named(PROPERTY))},
    ),
    "data_types": DATA_TYPE,
    "capability_types": Form(
        "capability type", {**_TYPE, **_DATA, "valid_source_types": to("valid_source_node_types")}
    ),
    "interface_types": INTERFACE_TYPE,
    "relationship_types": Form(
        "relationship type",
        {
            **_TYPE,
            **_DATA,
            "interfaces": to("interfaces", INTERFACES),
            "valid_target_types": _valid_targets,
        },
    ),
    "node_types": Form(
        "node type",
        {
            **_TYPE,
            **_DATA,
            **same(
                capabilities=named(CAPABILITY),
                requirements=named_list(REQUIREMENT, "requirement definitions"),
                interfaces=INTERFACES,
                artifacts=artifacts,
            ),
        },
    ),
    "group_types": Form(
        "group type",
        {
            **_TYPE,
            **_DATA,
            "members": to("members"),
            "capabilities": ignore("group-behaviour", "groups have no capabilities of their own"),
            "requirements": ignore("group-behaviour", "groups have no requirements of their own"),
            "interfaces": ignore("group-behaviour", GROUP_OPERATIONS, GROUP_HINT),
        },
    ),
    "policy_types": Form(
        "policy type",
        {**_TYPE, **same(properties=named(PROPERTY), targets=None, triggers=TRIGGERS)},
    ),
}
