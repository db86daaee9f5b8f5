"""After an edit of properties of node types what is about them is resolved again, and all is as if all were (R81)."""

import random

import pytest

import puccini
from puccini import narrowing

from .test_session import Editable, edited

HEAD = """tosca_definitions_version: tosca_2_0
data_types:
  Port: { derived_from: integer, validation: { $less_than: [ $value, 65536 ] } }
capability_types:
  Host: { properties: { slots: { type: integer, default: 4 } } }
relationship_types:
  HostedOn: { properties: { weight: { type: integer, default: 1 } }, interfaces: { link: { type: Life } } }
artifact_types:
  Shell: { file_ext: [ sh ] }
interface_types:
  Life: { operations: { create: { inputs: { of: { type: string, default: x } } }, delete: {} } }
node_types:
  Server:
    description: A server.
    properties:
      name: { type: string }
      port: { type: Port, default: 80 }
      note: { type: string, required: false }
    attributes:
      state: { type: string }
    capabilities:
      host: Host
    requirements:
    - host:
        capability: Host
        relationship: HostedOn
        count_range: [ 0, 1 ]
        node_filter:
          $equal: [ { $get_property: [ SELF, TARGET, note ] }, { $get_property: [ SELF, SOURCE, note ] } ]
    interfaces:
      life: { type: Life, operations: { delete: script } }
    artifacts: { script: { type: Shell, file: life.sh } }
  Zoned:
    derived_from: Server
    properties:
      zone: { type: integer, default: 1 }
      size: { type: integer, default: 2, validation: { $less_than: [ $value, 100 ] } }
  Client:
    properties:
      size: { type: integer, default: 3 }
      of: { type: string, default: { $get_property: [ SELF, RELATIONSHIP, server, TARGET, note ] } }
    requirements:
    - server: { capability: Host, node: Server, relationship: HostedOn }
service_template:
  node_templates:
"""
TAIL = """  outputs:
    state: { value: { $get_attribute: [ node1, state ] } }
    port: { value: { $get_property: [ node1, port ] } }
    size: { value: { $get_property: [ node3, size ] } }
"""
FORMS = (
    "type: string",
    "type: integer, default: 1",
    "type: integer, default: true",
    "type: integer, required: false",
    "type: string, default: server",
    "type: string, value: fixed",
    "type: Port, default: 443",
    "type: Port, default: 70000",
    "type: string, description: More.",
    "type: string, validation: { $equal: [ $value, server 3 ] }",
    "type: integer, default: 1, validation: { $less_than: [ $value, { $get_property: [ SELF, port ] } ] }",
    "type: string, default: { $get_property: [ SELF, name ] }",
    "type: list, entry_schema: string, default: []",
    "type: Nothing",
    "tipe: string",
)


def service(count: int) -> str:
    """Return a service with so many nodes of several types, which say more or less of their types' properties."""
    found = [HEAD]
    for one in range(count):
        kind = ("Server", "Zoned", "Zoned", "Client")[one % 4]
        found.append(f"    node{one}:\n      type: {kind}\n      properties:\n")
        found.append(f"        size: {one}\n" if kind == "Client" else f"        name: server {one}\n")
        if one % 3 == 0 and kind != "Client":
            found.append(f"        port: {8000 + one}\n")
        if one % 8 == 1:
            found.append("        note: { $concat: [ a, { $get_property: [ SELF, name ] } ] }\n")
        if kind == "Client":
            found.append(f"      requirements: [ server: node{one - 1} ]\n")
        elif one:
            relationship = ", relationship: { type: HostedOn, properties: { weight: 3 } }" if one % 5 == 0 else ""
            target = one - 1 if (one - 1) % 4 != 3 else one - 2
            found.append(f"      requirements: [ host: {{ node: node{target}{relationship} }} ]\n")
        if one % 6 == 1 and kind != "Client":
            found.append("      interfaces: { life: { operations: { create: { implementation: script } } } }\n")
    return "".join((*found, TAIL))


TEXT = service(24)


@pytest.fixture
def source() -> Editable:
    source = Editable()
    source.files = {"service.yaml": TEXT, "life.sh": ""}
    return source


@pytest.fixture
def session(source: Editable) -> puccini.Session:
    session = puccini.Session(source)
    session.update("service.yaml", TEXT)
    assert session.diagnostics("service.yaml") == ()
    return session


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A server.", "Something else,\n      in several lines."),
        ("port: { type: Port, default: 80 }", "port: { type: Port, default: 81 }\n"),
        ("port: { type: Port, default: 80 }", "# a comment\n\n      port: { type: Port, default: 80 }"),
        ("size: { type: integer, default: 2,", "size: { type: integer, default: 5,"),
        ("      zone: {", "      new: { type: string, default: n }\n      zone: {"),
    ],
)
def test_nodes_stay_as_they_were(source: Editable, session: puccini.Session, before: str, after: str) -> None:
    service = session.check("service.yaml").service
    assert service is not None
    kept = service.nodes["node6"].requirements[0]
    assert edited(source, session, "service.yaml", TEXT.replace(before, after)) == ()
    assert session.check("service.yaml").service is service
    assert service.nodes["node6"].requirements[0] is kept
    assert service.nodes["node6"].type is not None
    assert kept.requirement is service.nodes["node6"].type.requirements["host"]


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ("name: { type: string }", "name: { type: integer }", 18),
        ("note: { type: string, required: false }", "note: { type: string }", 15),
        ("port: { type: Port, default: 80 }", "port: { type: Port, value: 80 }", 6),
        ("name: { type: string }", "label: { type: string }", 18),
    ],
)
def test_what_is_wrong_then_is_found(
    source: Editable, session: puccini.Session, before: str, after: str, count: int
) -> None:
    assert len(edited(source, session, "service.yaml", TEXT.replace(before, after))) >= count
    assert edited(source, session, "service.yaml", TEXT) == ()


@pytest.mark.parametrize("seed", range(6))
def test_properties_are_edited_in_any_way(source: Editable, session: puccini.Session, seed: int) -> None:
    chance = random.Random(seed)
    narrow = 0
    for _ in range(40):
        text = TEXT if chance.random() < 0.2 else source.files["service.yaml"]
        head, middle, rest = text.partition("service_template:")
        rows = head.split("\n")
        places = [number for number, row in enumerate(rows) if row.startswith("      ") and ": { t" in row]
        place = chance.choice(places)
        name = rows[place].partition(":")[0]
        match chance.randrange(6):
            case 0:
                rows.insert(place, f"      extra{chance.randrange(3)}: {{ {chance.choice(FORMS)} }}")
            case 1:
                del rows[place]
            case 2:
                rows.insert(place, "")
            case _:
                rows[place] = f"{name}: {{ {chance.choice(FORMS)} }}"
        before = session.check("service.yaml").service
        edited(source, session, "service.yaml", "\n".join(rows) + middle + rest)
        narrow += session.check("service.yaml").service is before
    assert narrow > 5


def test_numbers_and_booleans_are_not_alike() -> None:
    assert narrowing.alike({"a": [1, "b"]}, {"a": [1, "b"]})
    assert not narrowing.alike({"a": 1}, {"a": True})
    assert not narrowing.alike({"a": 1}, {"a": 1.0})
    assert not narrowing.alike({"a": 1, "b": 2}, {"b": 2, "a": 1})
