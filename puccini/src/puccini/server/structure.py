"""What stands where in a TOSCA file, for editors: which keynames, names and references a place can have.

`Place` is somewhere in a file; `Place.step` goes one key or index further in. The walk over a whole file
(`puccini.server.occurrences`) and completion, which only has the keys above the cursor, go the same steps.
"""

import dataclasses
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from puccini.grammar import data, interfaces, policies, templates
from puccini.grammar import file as files
from puccini.grammar import types as grammar
from puccini.grammar.construct import Construct
from puccini.grammar.types import Kind
from puccini.loading import Loaded
from puccini.model.data import Base, Schema
from puccini.model.service import Service
from puccini.model.type import Type
from puccini.model.types import Interface, Requirement
from puccini.units import Unit


class Form(StrEnum):
    """How a place is written."""

    CONSTRUCT = "construct"  # a map of keynames
    MAP = "map"  # a map of names to constructs
    NAMED_LIST = "named list"  # a list of maps with one name each
    ENTRY = "entry"  # such a map
    LIST = "list"  # a list of constructs
    VALUES = "values"  # a map of names to values
    VALUE = "value"  # anything, with functions
    REFERENCE = "reference"  # a name of something else, or a list of such names
    TEXT = "text"  # what is not looked into


class Refers(StrEnum):
    """What a name can be the name of, besides a type of some kind."""

    NODE = "node_templates"
    RELATIONSHIP = "relationship_templates"
    GROUP = "groups"
    INPUT = "inputs"
    WORKFLOW = "workflows"
    STEP = "steps"
    REPOSITORY = "repositories"
    CAPABILITY = "capabilities"
    REQUIREMENT = "requirements"
    IMPORT = "imports"
    PROFILE = "profile"
    ARTIFACT = "artifacts"


Sibling = Callable[[str], str | None]
"""Gives the text beside a place, under a key of the same map."""


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """What is known: the file, all that was loaded with it, and its service if it has one."""

    loaded: Loaded
    unit: Unit

    @property
    def service(self) -> Service | None:
        service = self.loaded.service
        return service if service is not None and service.unit is self.unit else None

    def type(self, kind: Kind, name: str | None) -> Type | None:
        """Return the type that `name` means in this file."""
        found = self.unit.type(kind, name) if name else None
        resolver = self.loaded.resolver
        return resolver.types.get(id(found.definition)) if found is not None and resolver is not None else None


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in a file. `owner` is what the construct is about, where that is known; `names` what is known by name
    of the entries of a map; `refers` what a name may mean here. Of a value, `owner` is its schema.
    """

    form: Form
    world: World
    construct: Construct[Any] | None = None
    owner: Any = None
    names: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    refers: tuple[Kind | Refers, ...] = ()

    def step(self, key: Any, sibling: Sibling) -> "Place":
        """Return the place under `key`; `sibling` is about what is under it."""
        match self.form:
            case Form.CONSTRUCT if self.construct is not None:
                return self._keyname(self.construct.title, key)
            case Form.MAP | Form.ENTRY if self.construct is not None:
                owner = _owner(self, key, sibling)
                return dataclasses.replace(self, form=Form.CONSTRUCT, owner=owner, names={})
            case Form.NAMED_LIST:
                return dataclasses.replace(self, form=Form.ENTRY)
            case Form.LIST:
                return dataclasses.replace(self, form=Form.CONSTRUCT)
            case Form.VALUES if self.refers:
                return self
            case Form.VALUES:
                return Place(Form.VALUE, self.world, None, getattr(self.names.get(key), "schema", None))
            case Form.VALUE:
                return Place(Form.VALUE, self.world, None, _within(self.owner, key))
            case Form.REFERENCE:
                return self
            case _:
                return Place(Form.TEXT, self.world)

    def short(self) -> "Place":
        """Return what a plain text means where a construct stands: its short form."""
        if self.form is Form.CONSTRUCT and self.construct is not None:
            key = _SHORT.get(self.construct.title)
            if key is not None:
                return self._keyname(self.construct.title, key)
        return self

    def _keyname(self, title: str, key: Any) -> "Place":
        if not isinstance(key, str):
            return Place(Form.TEXT, self.world)
        child = _CHILDREN.get((title, "service_template" if key == "topology_template" else key))
        if child is not None:
            form, construct = child
            return Place(form, self.world, construct, self.owner, _names(self, title, key))
        refers = _REFERS.get((title, key))
        if refers is not None:
            return Place(Form.REFERENCE, self.world, None, self.owner, refers=refers)
        if (title, key) in _MAPPINGS:
            return Place(Form.VALUES, self.world, refers=_MAPPINGS[title, key])
        if key in ("properties", "attributes", "inputs", "outputs", "allocation"):
            return Place(Form.VALUES, self.world, None, self.owner, _names(self, title, key))
        if key in _ANYTHING:
            return Place(Form.VALUE, self.world)
        return Place(Form.TEXT, self.world)


def top(world: World) -> Place:
    """Return the place of the whole file."""
    return Place(Form.CONSTRUCT, world, files.FILE)


def _owner(place: Place, key: Any, sibling: Sibling) -> Any:
    """Return what an entry of a map is about: its type, or what the type of its owner has under that name."""
    assert place.construct is not None
    world, title = place.world, place.construct.title
    kind = _TYPED.get(title)
    if kind is not None:
        found = world.type(kind, sibling("type"))
        if found is None and world.service is not None and (copied := sibling("copy")) in world.service.nodes:
            return world.service.nodes[str(copied)].type
        return found
    if title.endswith(" type"):
        return world.type(Kind(title.replace(" ", "_") + "s"), key)
    return place.names.get(key)


def _within(schema: Any, key: Any) -> Schema | None:
    """Return the schema of an entry of a value."""
    if not isinstance(schema, Schema):
        return None
    if schema.base in (Base.LIST, Base.MAP):
        return schema.entries
    found = schema.type.properties.get(key) if schema.base is Base.COMPLEX else None
    return found.schema if found is not None else None


def _names(place: Place, title: str, key: str) -> Mapping[str, Any]:
    """Return what is known by name under the keyname `key`."""
    owner = place.owner
    if isinstance(owner, Requirement) and key in ("properties", "attributes", "interfaces"):
        owner = owner.relationship
    if title == "requirement assignment" and key == "allocation" and isinstance(owner, Requirement):
        return owner.capability_type.properties if owner.capability_type is not None else {}
    if isinstance(owner, Interface) and key == "operations":
        return owner.operations
    if isinstance(owner, Service):
        return getattr(owner, "nodes" if key == "node_templates" else key, {}) if key != "policies" else {}
    found = getattr(owner, key, None)
    if key == "attributes" and found is not None:
        return {**getattr(owner, "properties", {}), **found}
    return found if isinstance(found, dict) else {}


ARTIFACT = interfaces.ARTIFACT
_REQUIREMENT_TARGET = (Refers.NODE, Kind.NODE)
_CONSTRUCTS: dict[str, dict[str, tuple[Form, Construct[Any]]]] = {
    "TOSCA file": {
        "imports": (Form.LIST, files.IMPORT),
        "repositories": (Form.MAP, files.REPOSITORY),
        "functions": (Form.MAP, templates.FUNCTION),
        "service_template": (Form.CONSTRUCT, templates.SERVICE),
        **{kind.value: (Form.MAP, construct) for kind, construct in grammar.TYPES.items()},
    },
    "service template": {
        "inputs": (Form.MAP, data.PARAMETER),
        "outputs": (Form.MAP, data.PARAMETER),
        "node_templates": (Form.MAP, templates.NODE_TEMPLATE),
        "relationship_templates": (Form.MAP, templates.RELATIONSHIP_TEMPLATE),
        "groups": (Form.MAP, policies.GROUP),
        "policies": (Form.NAMED_LIST, policies.POLICY),
        "substitution_mappings": (Form.CONSTRUCT, templates.SUBSTITUTION),
        "workflows": (Form.MAP, policies.WORKFLOW),
        "functions": (Form.MAP, templates.FUNCTION),
    },
    "node template": {
        "capabilities": (Form.MAP, templates.CAPABILITY_ASSIGNMENT),
        "requirements": (Form.NAMED_LIST, templates.REQUIREMENT_ASSIGNMENT),
        "interfaces": (Form.MAP, interfaces.INTERFACE_ASSIGNMENT),
        "artifacts": (Form.MAP, interfaces.ARTIFACT),
    },
    "relationship template": {"interfaces": (Form.MAP, interfaces.INTERFACE_ASSIGNMENT)},
    "relationship assignment": {"interfaces": (Form.MAP, interfaces.INTERFACE_ASSIGNMENT)},
    "requirement assignment": {"relationship": (Form.CONSTRUCT, templates.RELATIONSHIP_ASSIGNMENT)},
    "interface assignment": {
        "operations": (Form.MAP, interfaces.OPERATION_ASSIGNMENT),
        "notifications": (Form.MAP, interfaces.NOTIFICATION_ASSIGNMENT),
    },
    "operation assignment": {"implementation": (Form.CONSTRUCT, interfaces.IMPLEMENTATION)},
    "notification assignment": {"implementation": (Form.CONSTRUCT, interfaces.IMPLEMENTATION)},
    "implementation definition": {
        "primary": (Form.CONSTRUCT, interfaces.ARTIFACT),
        "dependencies": (Form.LIST, interfaces.ARTIFACT),
    },
    "interface definition": {
        "inputs": (Form.MAP, data.PARAMETER),
        "operations": (Form.MAP, interfaces.OPERATION),
        "notifications": (Form.MAP, interfaces.NOTIFICATION),
    },
    **{
        f"{name} definition": {
            "implementation": (Form.CONSTRUCT, interfaces.IMPLEMENTATION),
            "inputs": (Form.MAP, data.PARAMETER),
            "outputs": (Form.MAP, data.PARAMETER),
        }
        for name in ("operation", "notification")
    },
    "capability definition": {
        "properties": (Form.MAP, data.PROPERTY),
        "attributes": (Form.MAP, data.ATTRIBUTE),
    },
    "requirement definition": {"relationship": (Form.CONSTRUCT, grammar.RELATIONSHIP)},
    "relationship definition": {
        "properties": (Form.MAP, data.PROPERTY),
        "attributes": (Form.MAP, data.ATTRIBUTE),
        "interfaces": (Form.MAP, interfaces.INTERFACE),
    },
    "policy definition": {"triggers": (Form.MAP, policies.TRIGGER)},
    "workflow definition": {
        "inputs": (Form.MAP, data.PARAMETER),
        "steps": (Form.MAP, policies.STEP),
        "implementation": (Form.CONSTRUCT, interfaces.IMPLEMENTATION),
    },
    "function definition": {"signatures": (Form.LIST, templates.SIGNATURE)},
    "function signature": {
        "arguments": (Form.LIST, data.SCHEMA),
        "optional_arguments": (Form.LIST, data.SCHEMA),
        "result": (Form.CONSTRUCT, data.SCHEMA),
        "implementation": (Form.CONSTRUCT, interfaces.IMPLEMENTATION),
    },
    **{
        f"{kind.label}": {
            "properties": (Form.MAP, data.PROPERTY),
            "attributes": (Form.MAP, data.ATTRIBUTE),
            "interfaces": (Form.MAP, interfaces.INTERFACE),
            "capabilities": (Form.MAP, grammar.CAPABILITY),
            "requirements": (Form.NAMED_LIST, grammar.REQUIREMENT),
            "artifacts": (Form.MAP, interfaces.ARTIFACT),
            "inputs": (Form.MAP, data.PARAMETER),
            "operations": (Form.MAP, interfaces.OPERATION),
            "notifications": (Form.MAP, interfaces.NOTIFICATION),
            "triggers": (Form.MAP, policies.TRIGGER),
            "key_schema": (Form.CONSTRUCT, data.SCHEMA),
            "entry_schema": (Form.CONSTRUCT, data.SCHEMA),
        }
        for kind in Kind
    },
    **{
        f"{name} definition": {
            "key_schema": (Form.CONSTRUCT, data.SCHEMA),
            "entry_schema": (Form.CONSTRUCT, data.SCHEMA),
        }
        for name in ("property", "attribute", "parameter", "schema")
    },
}
_CHILDREN = {(title, key): child for title, keys in _CONSTRUCTS.items() for key, child in keys.items()}

_REFERS: dict[tuple[str, str], tuple[Kind | Refers, ...]] = {
    **{(kind.label, "derived_from"): (kind,) for kind in Kind},
    **{(f"{name} definition", "type"): (Kind.DATA,) for name in ("property", "attribute", "parameter", "schema")},
    ("data type", "data_type"): (Kind.DATA,),
    ("capability type", "valid_source_node_types"): (Kind.NODE,),
    ("capability type", "valid_relationship_types"): (Kind.RELATIONSHIP,),
    ("capability definition", "type"): (Kind.CAPABILITY,),
    ("capability definition", "valid_source_node_types"): (Kind.NODE,),
    ("capability definition", "valid_relationship_types"): (Kind.RELATIONSHIP,),
    ("relationship type", "valid_capability_types"): (Kind.CAPABILITY,),
    ("relationship type", "valid_target_node_types"): (Kind.NODE,),
    ("relationship type", "valid_source_node_types"): (Kind.NODE,),
    ("relationship definition", "type"): (Kind.RELATIONSHIP,),
    ("requirement definition", "capability"): (Kind.CAPABILITY,),
    ("requirement definition", "node"): (Kind.NODE,),
    ("interface definition", "type"): (Kind.INTERFACE,),
    ("artifact definition", "type"): (Kind.ARTIFACT,),
    ("artifact definition", "repository"): (Refers.REPOSITORY,),
    ("group type", "members"): (Kind.NODE, Kind.GROUP),
    ("policy type", "targets"): (Kind.NODE, Kind.GROUP),
    ("import definition", "url"): (Refers.IMPORT,),
    ("import definition", "profile"): (Refers.PROFILE,),
    ("import definition", "repository"): (Refers.REPOSITORY,),
    ("node template", "type"): (Kind.NODE,),
    ("node template", "copy"): (Refers.NODE,),
    ("relationship template", "type"): (Kind.RELATIONSHIP,),
    ("relationship template", "copy"): (Refers.RELATIONSHIP,),
    ("requirement assignment", "node"): _REQUIREMENT_TARGET,
    ("requirement assignment", "capability"): (Refers.CAPABILITY, Kind.CAPABILITY),
    ("relationship assignment", "type"): (Kind.RELATIONSHIP, Refers.RELATIONSHIP),
    ("group definition", "type"): (Kind.GROUP,),
    ("group definition", "members"): (Refers.NODE, Refers.GROUP),
    ("policy definition", "type"): (Kind.POLICY,),
    ("policy definition", "targets"): (Refers.NODE, Refers.GROUP),
    ("workflow step", "target"): (Refers.NODE, Refers.GROUP),
    ("workflow step", "target_relationship"): (Refers.REQUIREMENT,),
    ("workflow step", "on_success"): (Refers.STEP,),
    ("workflow step", "on_failure"): (Refers.STEP,),
    ("implementation definition", "primary"): (Refers.ARTIFACT,),
    ("substitution mapping", "node_type"): (Kind.NODE,),
}
_SHORT = {
    "import definition": "url",
    "schema definition": "type",
    "capability definition": "type",
    "relationship definition": "type",
    "requirement definition": "capability",
    "requirement assignment": "node",
    "relationship assignment": "type",
}
_TYPED = {
    "node template": Kind.NODE,
    "relationship template": Kind.RELATIONSHIP,
    "group definition": Kind.GROUP,
    "policy definition": Kind.POLICY,
    "artifact definition": Kind.ARTIFACT,
}
_MAPPINGS: dict[tuple[str, str], tuple[Kind | Refers, ...]] = {
    ("substitution mapping", "properties"): (Refers.INPUT,),
    ("substitution mapping", "capabilities"): (Refers.NODE,),
    ("substitution mapping", "requirements"): (Refers.NODE,),
    ("workflow definition", "outputs"): (Refers.NODE,),
    ("operation assignment", "outputs"): (Refers.NODE,),
    ("notification assignment", "outputs"): (Refers.NODE,),
}
"""Values that are mappings: to an input, or lists that begin with the name of a node."""

_ANYTHING = frozenset(
    {
        *("default", "value", "validation", "node_filter", "substitution_filter", "condition", "precondition"),
        *("filter", "count", "mapping"),
    }
)


def child(title: str, key: str) -> tuple[Form, Construct[Any]] | None:
    """Return what stands under a keyname of a construct, where that is a construct, too, or several."""
    return _CHILDREN.get((title, key))
