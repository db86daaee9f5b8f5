"""Fills data types with what they define and inherit (sections 9.1.2.2 and 9.2)."""

from collections.abc import Mapping

from puccini.diagnostics import mistaken, unread
from puccini.grammar.types import TYPES, Kind
from puccini.grammar.types import DataType as Definition
from puccini.model.data import ANY, BUILT_IN, Base, DataType, Role, Schema
from puccini.nodes import Node
from puccini.semantics import definitions, endless
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope

_SCALAR_KEYS = ("data_type", "units", "canonical_unit", "prefixes")


def fill(type: DataType, resolver: Resolver) -> None:
    """Fill one type whose parent is filled."""
    definition = type.definition
    assert isinstance(definition, Definition)
    assert type.unit is not None
    scope = Scope(type.unit, closed=True)
    parent = type.parent if isinstance(type.parent, DataType) else None
    _inherit(type, parent)
    _check_shape(type, definition, resolver)
    if type.base is Base.SCALAR:
        _fill_scalar(type, parent, definition, resolver)
    inherited = parent.properties if parent is not None else {}
    type.properties = definitions.extend(inherited, definition.properties, Role.PROPERTY, scope, resolver)
    endless.later(type, resolver)
    if type.base in (Base.LIST, Base.MAP):
        _fill_collection(type, definition, scope, resolver)
    if definition.validation is not None:
        about = Schema(type if definition.derived_from is not None or type.properties else ANY)
        type.validations = (definitions.validation(definition.validation, about, scope, resolver),)


def _inherit(type: DataType, parent: DataType | None) -> None:
    if parent is None:
        return
    type.key, type.entry = parent.key, parent.entry
    type.number, type.units, type.canonical = parent.number, dict(parent.units), parent.canonical
    type.free = parent.free
    type.prefixes = dict(parent.prefixes) if parent.prefixes is not None else None


def _check_shape(type: DataType, definition: Definition, resolver: Resolver) -> None:
    report, node = resolver.report, definition.node
    written = node.value
    if type.uncertain:
        return
    if type.base is not Base.SCALAR:
        for key in _SCALAR_KEYS:
            if key in written:
                message = f"{key!r} is only for data types derived from scalar"
                report.error("misplaced-keyname", message, node.child(key), "add 'derived_from: scalar'", key=True)
    if type.base is not Base.COMPLEX and "properties" in written:
        message = f"a data type derived from {type.base.value!r} has no properties"
        report.error("misplaced-keyname", message, node.child("properties"), key=True)
    if type.base not in (Base.LIST, Base.MAP) and "entry_schema" in written:
        message = "'entry_schema' is only for data types derived from list or map"
        report.error("misplaced-schema", message, node.child("entry_schema"), key=True)
    if type.base is not Base.MAP and "key_schema" in written:
        message = "'key_schema' is only for data types derived from map"
        report.error("misplaced-schema", message, node.child("key_schema"), key=True)
    if "properties" in written and not definition.properties and not written["properties"]:
        report.error("no-properties", "'properties' of a data type is not empty", node.child("properties"), key=True)
    unread_keys = [key for key in written if key not in TYPES[Kind.DATA].keys]
    misspelt = any(mistaken(key, unread_keys) for key in ("derived_from", "properties"))
    if definition.derived_from is None and "properties" not in written and not misspelt:
        message = f"the data type {type.name!r} needs 'derived_from' or 'properties'"
        report.error("missing-keyname", message, node, "add 'derived_from: string', or properties")


def _fill_collection(type: DataType, definition: Definition, scope: Scope, resolver: Resolver) -> None:
    if definition.key_schema is not None:
        type.key = definitions.schema(definition.key_schema, scope, resolver, type.key)
        if type.key.base not in (Base.STRING, Base.ANY):
            message = f"the keys of a map are strings, not {type.key.type.name}"
            resolver.report.error("bad-key-schema", message, definition.key_schema.node)
    if definition.entry_schema is not None:
        type.entry = definitions.schema(definition.entry_schema, scope, resolver, type.entry)
    if type.entry is None:
        message = f"a data type derived from {type.base.value!r} needs an 'entry_schema'"
        resolver.report.warn("no-entry-schema", message, definition.node, "add 'entry_schema: TYPE'")


def _fill_scalar(type: DataType, parent: DataType | None, definition: Definition, resolver: Resolver) -> None:
    refined = parent is not None and (not parent.built_in or bool(parent.units))
    _number(type, definition, refined, resolver)
    if definition.units is not None:
        _keep(type.units, definition.units, "unit", resolver)
        type.units |= {name: node.value for name, node in definition.units.items()}
        if "" in definition.units:
            resolver.report.error("bad-name", "a unit has a name", definition.units[""], key=True)
        if not definition.node.value["units"]:
            resolver.report.error("bad-units", "'units' has at least one unit", definition.node.child("units"))
    elif not refined and not unread(definition.node, "units", TYPES[Kind.DATA].keys):
        resolver.report.error("missing-keyname", f"the scalar type {type.name!r} needs 'units'", definition.node)
    if definition.prefixes is not None:
        if refined and type.prefixes is None:
            message = "prefixes can be added to those of the parent type, which has none"
            resolver.report.error("bad-refinement", message, definition.node.child("prefixes"), key=True)
        _keep(type.prefixes or {}, definition.prefixes, "prefix", resolver)
        type.prefixes = {**(type.prefixes or {}), **{name: node.value for name, node in definition.prefixes.items()}}
    if definition.canonical_unit is not None and refined and not _repeats(definition.canonical_unit, parent):
        message = "'canonical_unit' is that of the parent type"
        resolver.report.error("bad-refinement", message, definition.canonical_unit, key=True)
    if type.units:
        _check_multipliers(type, definition, resolver)
        _canonical(type, definition, refined, resolver)


def _keep(inherited: Mapping[str, float], given: Mapping[str, Node], what: str, resolver: Resolver) -> None:
    """Units and prefixes can be added to those of the parent type, which stay what they are."""
    for name, node in given.items():
        if name in inherited and node.value != inherited[name]:
            message = f"the {what} {name!r} has the multiplier {inherited[name]} in the parent type"
            resolver.report.error("bad-refinement", message, node)


def _repeats(canonical: Node, parent: DataType | None) -> bool:
    """Whether a canonical unit is what one of the parent types says."""
    while parent is not None and not parent.built_in:
        definition = parent.definition
        if isinstance(definition, Definition) and definition.canonical_unit is not None:
            return definition.canonical_unit.text == canonical.text
        parent = parent.parent if isinstance(parent.parent, DataType) else None
    return False


def _number(type: DataType, definition: Definition, refined: bool, resolver: Resolver) -> None:
    name = definition.data_type
    if name is None:
        type.number = type.number or BUILT_IN["float"]
        return
    assert type.unit is not None
    found = resolver.data_type(type.unit, name)
    if found is ANY:
        return
    if found.base not in (Base.INTEGER, Base.FLOAT):
        message = f"the number of a scalar is an integer or a float, not {found.name}"
        resolver.report.error("bad-scalar", message, name)
    elif refined and found is not type.number:
        resolver.report.error("bad-refinement", "'data_type' is that of the parent type", name, key=True)
    else:
        type.number = found


def _check_multipliers(type: DataType, definition: Definition, resolver: Resolver) -> None:
    report = resolver.report
    whole = type.number is not None and type.number.base is Base.INTEGER
    for table in (definition.units or {}, definition.prefixes or {}):
        for name, node in table.items():
            if whole and not isinstance(node.value, int):
                report.error("bad-multiplier", f"the multiplier of {name!r} must be an integer, as the number is", node)
            elif not 0 < node.value < float("inf"):
                report.error("bad-multiplier", f"the multiplier of {name!r} must be above 0", node)
    if definition.units is not None and 1 not in type.units.values():
        report.error("bad-units", "one of the units must have the multiplier 1", definition.node.child("units"))
    if type.prefixes is not None and definition.prefixes is not None:
        place: Node = definition.node.child("prefixes")
        if 1 not in type.prefixes.values():
            report.error("bad-units", 'one of the prefixes (such as "") must have the multiplier 1', place)
        if len(type.units) > 1:
            message = "prefixes go with a single unit; here the units are: " + ", ".join(type.units)
            report.warn("bad-units", message, place, "list each unit with its prefix under 'units'", key=True)


def _canonical(type: DataType, definition: Definition, refined: bool, resolver: Resolver) -> None:
    if refined and type.canonical:
        return
    ones = [name for name, multiplier in type.all_units.items() if multiplier == 1]
    written = definition.canonical_unit
    if written is not None:
        if written.text not in type.all_units:
            message = f"the canonical unit {written.text!r} is not one of the units"
            resolver.report.error("bad-units", message, written, "known are: " + ", ".join(list(type.all_units)[:12]))
        elif written.text not in ones:
            resolver.report.error(
                "bad-units", f"the canonical unit {written.text!r} must have the multiplier 1", written
            )
        type.canonical = written.text
    elif sum(1 for multiplier in type.units.values() if multiplier == 1) > 1:
        message = "several units have the multiplier 1, so 'canonical_unit' is needed"
        place = definition.node.child("units") if definition.units is not None else definition.node
        resolver.report.error("missing-keyname", message, place, "add 'canonical_unit: " + ones[0] + "'")
        type.canonical = ones[0]
    else:
        type.canonical = ones[0] if ones else next(iter(type.units))
