"""What is written against the letter of the Standard: accepted with a warning, an error when strict (T31, T58)."""

from collections.abc import Mapping
from typing import Any

import pytest

from puccini.diagnostics import Severity

BASE = (
    "capability_types: { C: { properties: { cpus: { type: integer, default: 1 } } } }\nrelationship_types: { R: {} }\n"
)
TYPES = "tosca_definitions_version: tosca_2_0\nnode_types: { N: { properties: { old: { type: string } } } }\n"
REQUIRER = BASE + (
    "node_types:\n"
    "  N: { capabilities: { c: C } }\n"
    "  A: { requirements: [ r: { capability: C, relationship: R } ] }\n"
    "service_template:\n"
    "  node_templates:\n"
    "    n: { type: N }\n"
)
ACCEPTED = {
    "a default of what is not required": (
        "useless-default",
        "node_types: { N: { properties: { p: { type: string, required: false, default: x } } } }\n",
    ),
    "a list without an entry schema": (
        "no-entry-schema",
        "node_types: { N: { properties: { p: { type: list } } } }\n",
    ),
    "a map without an entry schema": (
        "no-entry-schema",
        "data_types: { M: { derived_from: map } }\n",
    ),
    "a requirement definition without a relationship": (
        "no-relationship",
        "capability_types: { C: {} }\nnode_types: { N: { requirements: [ r: C ] } }\n",
    ),
    "a short requirement that names a node type": (
        "short-node-type",
        REQUIRER + "    a: { type: A, requirements: [ r: N ] }\n",
    ),
    "a type that is imported, too": (
        "redefined-type",
        (
            "imports: [ types.yaml ]\n"
            "node_types: { N: { properties: { new: { type: string } } } }\n"
            "service_template: { node_templates: { n: { type: N, properties: { new: x } } } }\n"
        ),
    ),
    "scalar-unit as if it were built in": (
        "old-scalar",
        "node_types: { N: { properties: { p: { type: scalar-unit.size, default: 1 GB } } } }\n",
    ),
    "a date for a timestamp": (
        "date-only",
        "node_types: { N: { properties: { p: { type: timestamp, default: 2025-04-12 } } } }\n",
    ),
    "a property that the type of an artifact does not have": (
        "unknown-property",
        (
            "artifact_types: { T: {} }\n"
            "node_types: { N: { artifacts: { a: { type: T, file: x, properties: { p: 1 } } } } }\n"
        ),
    ),
    "an allocation of what the capability lacks": (
        "unknown-allocation",
        REQUIRER + "    a: { type: A, requirements: [ r: { node: n, allocation: { disks: 1 } } ] }\n",
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_it_is_accepted_with_a_warning_and_refused_when_strict(name: str, load: Any) -> None:
    """R81, T31, T58, T64, T66: the same code at the same place."""
    code, text = ACCEPTED[name]
    files: Mapping[str, str] = {"types.yaml": TYPES}
    lenient, strict = load(text, files), load(text, files, strict=True)
    assert [(one.code, one.severity) for one in lenient.diagnostics] == [(code, Severity.WARNING)]
    assert not lenient.failed
    assert [(one.code, one.severity) for one in strict.diagnostics] == [(code, Severity.ERROR)]
    assert strict.failed
    assert lenient.diagnostics[0].line == strict.diagnostics[0].line


@pytest.mark.parametrize(
    "text",
    [
        (
            "data_types: { scalar-unit.size: { derived_from: scalar, units: { B: 1, GB: 1000 } } }\n"
            "node_types: { N: { properties: { p: { type: scalar-unit.size, default: 1 GB } } } }\n"
        ),
        "data_types: {}\nnode_types: {}\n",
        (
            "functions: { in_range: { signatures: [ { arguments: [ integer, integer, integer ], result: boolean,"
            " implementation: range.py } ] } }\nartifact_types: { Py: { file_ext: [ py ] } }\n"
            "node_types: { N: { properties: { p: { type: integer, validation: { $in_range: [ $value, 1, 2 ] } } } } }\n"
        ),
    ],
    ids=["scalar-unit that is defined", "empty maps", "$in_range that is defined"],
)
def test_what_is_right_is_right_when_strict_too(text: str, load: Any) -> None:
    """R81, T101: types and functions may have these names, and sections may be empty."""
    assert load(text, {"range.py": ""}, strict=True).diagnostics == ()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("wrong-kind", "node_types: { N: { properties: { p: { type: boolean, required: False } } } }\n"),
        ("wrong-type", "node_types: { N: { properties: { p: { type: boolean, default: False } } } }\n"),
        (
            "unknown-function",
            "node_types: { N: { properties: { p: { type: integer, validation: { $in_range: [ 1, 2 ] } } } } }\n",
        ),
        ("wrong-kind", "node_types:\n"),
    ],
    ids=["False as a keyname's value", "False as a value", "$in_range", "a null section"],
)
def test_what_is_wrong_is_wrong_in_any_case(code: str, text: str, load: Any) -> None:
    """R81, T50, T52, T101: strict or not."""
    for strict in (False, True):
        assert [(one.code, one.severity) for one in load(text, strict=strict).diagnostics] == [(code, Severity.ERROR)]


def test_inputs_that_are_added_to_an_operation(load: Any) -> None:
    """T110: an operation assignment may have inputs that its type does not declare, strict or not."""
    text = (
        "artifact_types: { T: { file_ext: [ sh ] } }\ninterface_types: { I: { operations: { o: {} } } }\n"
        "node_types: { N: { interfaces: { i: I_ } } }\n"
        "service_template:\n  node_templates:\n"
        "    n: { type: N, interfaces: { i: { operations: { o: { implementation: x.sh, inputs: { more: 1 } } } } } }\n"
    ).replace("i: I_", "i: { type: I }")
    assert load(text, {"x.sh": ""}, strict=True).diagnostics == ()
