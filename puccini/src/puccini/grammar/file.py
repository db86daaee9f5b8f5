"""Grammar of a TOSCA file: its top, repositories and imports (sections 6.1 to 6.3, 6.5, 6.8.1)."""

from typing import Any

from puccini import yaml
from puccini.diagnostics import Report
from puccini.grammar import readers
from puccini.grammar.construct import INVALID, Construct, Element, Key, listed, named
from puccini.grammar.templates import FUNCTION, SERVICE, FunctionDefinition, ServiceTemplate
from puccini.grammar.types import TYPES, Kind, TypeDefinition
from puccini.nodes import Node, describe

VERSION = "tosca_2_0"


class Repository(Element):
    url: Node | None = None


class Import(Element):
    url: Node | None = None
    profile: Node | None = None
    repository: Node | None = None
    namespace: Node | None = None


class File(Element):
    tosca_definitions_version: Node | None = None
    profile: Node | None = None
    imports: list[Import] = []
    repositories: dict[str, Repository] = {}
    functions: dict[str, FunctionDefinition] = {}
    service_template: ServiceTemplate | None = None
    dsl_definitions: Node | None = None
    artifact_types: dict[str, TypeDefinition] = {}
    data_types: dict[str, TypeDefinition] = {}
    capability_types: dict[str, TypeDefinition] = {}
    interface_types: dict[str, TypeDefinition] = {}
    relationship_types: dict[str, TypeDefinition] = {}
    node_types: dict[str, TypeDefinition] = {}
    group_types: dict[str, TypeDefinition] = {}
    policy_types: dict[str, TypeDefinition] = {}

    def types(self, kind: Kind) -> dict[str, TypeDefinition]:
        """Return the type definitions of one kind."""
        return getattr(self, kind.value)  # type: ignore[no-any-return]


def _dsl_definitions(node: Node, report: Report) -> Any:
    """Section 6.3: a map of nodes with an anchor; maps and lists may hold the anchors deeper inside."""
    if type(node.value) is not yaml.Map:
        report.error("wrong-kind", f"dsl_definitions: a map was expected, not {describe(node.value)}", node)
        return INVALID
    for key, child in node.items():
        if not isinstance(key, str) or not key:
            report.error("bad-name", "a definition has a name, a string that is not empty", child, key=True)
        elif child.value is None or not (child.anchored or isinstance(child.value, dict | list)):
            report.error("no-anchor", f"the definition {key!r} has no anchor", child, f"write '{key}: &NAME ...'")
    return node


REPOSITORY = readers.or_name(
    Construct("repository definition", Repository, {"url": Key(readers.name, mandatory=True)}), "url"
)

IMPORT = readers.or_name(
    Construct(
        "import definition",
        Import,
        {
            "url": Key(readers.name),
            "profile": Key(readers.name),
            "repository": Key(readers.name),
            "namespace": Key(readers.name),
        },
    ),
    "url",
)

FILE = Construct(
    "TOSCA file",
    File,
    {
        "tosca_definitions_version": Key(readers.name, mandatory=True),
        "profile": Key(readers.name),
        "imports": Key(listed(IMPORT)),
        "repositories": Key(named(REPOSITORY)),
        "functions": Key(named(FUNCTION)),
        "service_template": Key(SERVICE),
        "dsl_definitions": Key(_dsl_definitions),
        **{kind.value: Key(named(construct)) for kind, construct in TYPES.items()},
    },
)
