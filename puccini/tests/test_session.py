"""A session finds in edited files exactly what a load of them finds (R81: files that are edited, and T10 in parts)."""

import random
import re
from typing import Any

import pytest

import puccini
from puccini import editing, nodes, yaml
from puccini.sources import SourceError

TYPES = """tosca_definitions_version: tosca_2_0

data_types:
  Port:
    derived_from: integer
    validation: { $less_than: [ $value, 65536 ] }
capability_types:
  Host: {}
relationship_types:
  HostedOn: {}
node_types:
  Server:
    properties:
      name: { type: string }
      port: { type: Port, default: 80 }
    attributes:
      state: { type: string }
    capabilities:
      host: Host
    requirements:
    - host: { capability: Host, relationship: HostedOn, count_range: [ 0, 1 ] }
"""
SERVICE = """tosca_definitions_version: tosca_2_0
description: |
  A service
    node_templates: of which this is not one

imports:
- types.yaml

service_template:
  inputs:
    domain: { type: string, default: example.com }

  node_templates:

    # the first
    one:
      type: Server
      properties:
        name: { $concat: [ one., { $get_input: domain } ] }
    two:
      type: Server
      properties:
        name: "two
          and more"
        port: 81
      requirements:
      - host: one
    three: { type: Server, properties: { name: three }, requirements: [ { host: two } ] }
    four:
      copy: three

  groups: {}
  outputs:
    state:
      value: { $get_attribute: [ two, state ] }
"""
EDITS = [
    ("port: 81", "port: 99999"),
    ("port: 81", "port: 82\n        bogus: 1"),
    ("port: 81", "port: True"),
    ("port: 81", "port: [ 81"),
    ("port: 81", "port: &here 81"),
    ("port: 81", "port: *here"),
    ("- host: one", "- host: nowhere"),
    ("- host: one", "- host: three"),
    ('type: Server\n      properties:\n        name: "two', 'type: Servant\n      properties:\n        name: "two'),
    ("    one:\n", "    uno:\n"),
    ("    one:\n", "    two:\n"),
    ("    # the first\n", ""),
    ("    # the first\n", "    # the first\n\n\n"),
    ("copy: three", "type: Server"),
    ("[ two, state ]", "[ two, stat ]"),
    ("example.com", "example.org"),
    ("  groups: {}\n", "  groups:\n    all: { type: None, members: [ one, two ] }\n"),
    ("\n  outputs:", "\n   outputs:"),
    ("description: |", "description: >-"),
    ('and more"', "and more"),
    ("service_template:", "---\nservice_template:"),
    ("service_template:", "# comment\nservice_template: # more"),
    ("\n", "\r\n"),
    ("two", "zwei"),
    ("- types.yaml", "-   types.yml"),
    ("imports:\n- types.yaml", "imports:\n"),
    ("  node_templates:\n\n", "  node_templates:\n  - a: b\n"),
]


class Editable:
    """Files that change."""

    name = ""
    root = "memory"

    def __init__(self) -> None:
        self.files = {"service.yaml": SERVICE, "types.yaml": TYPES}

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise SourceError(f"there is no file {path!r}")
        return self.files[path].encode()

    def exists(self, path: str) -> bool:
        return path in self.files


def edited(source: Editable, session: puccini.Session, path: str, text: str) -> tuple[puccini.Diagnostic, ...]:
    """Change a file; return what the session finds, which a load has to find too."""
    source.files[path] = text
    session.update(path, text)
    found = session.diagnostics("service.yaml")
    fresh = puccini.load(source, "service.yaml")
    assert found == fresh.diagnostics
    if not fresh.failed and fresh.service is not None:
        same = session.check("service.yaml")
        assert puccini.compile(same, "service") == puccini.compile(fresh, "service")
    return found


@pytest.fixture
def source() -> Editable:
    return Editable()


@pytest.fixture
def session(source: Editable) -> puccini.Session:
    session = puccini.Session(source)
    assert edited(source, session, "types.yaml", TYPES) == ()
    assert edited(source, session, "service.yaml", SERVICE) == ()
    return session


@pytest.mark.parametrize("edit", EDITS, ids=[f"{one[0][:20]!r} {one[1][:20]!r}" for one in EDITS])
def test_an_edit_is_found_and_taken_back(source: Editable, session: puccini.Session, edit: tuple[str, str]) -> None:
    edited(source, session, "service.yaml", SERVICE.replace(*edit))
    assert edited(source, session, "service.yaml", SERVICE) == ()


def test_many_edits_one_after_another(source: Editable, session: puccini.Session) -> None:
    chance = random.Random(1)
    text = SERVICE
    for _ in range(150):
        before, after = chance.choice(EDITS)
        if chance.random() < 0.5:
            before, after = after, before
        text = SERVICE if chance.random() < 0.1 else text.replace(before, after, 1)
        edited(source, session, "service.yaml", text)


def test_an_imported_file_changes(source: Editable, session: puccini.Session) -> None:
    assert edited(source, session, "types.yaml", TYPES.replace("65536", "80"))
    assert edited(source, session, "types.yaml", TYPES) == ()


def test_nothing_is_resolved_again_without_a_change(source: Editable, session: puccini.Session) -> None:
    before = session.check("service.yaml")
    session.update("service.yaml", SERVICE)
    session.update("unrelated.yaml", "no: matter")
    assert session.check("service.yaml").diagnostics == before.diagnostics


def test_only_the_changed_template_is_resolved_again(source: Editable, session: puccini.Session) -> None:
    loaded = session.check("service.yaml")
    assert loaded.service is not None
    before, types = loaded.service.nodes["one"].properties, loaded.resolver
    edited(source, session, "service.yaml", SERVICE.replace("port: 81", "\n\n        port: 99999"))
    again = session.check("service.yaml")
    assert again.resolver is types
    assert again.service is not None
    assert again.service.nodes["one"].properties is before
    assert again.service.nodes["two"].properties["port"] == 99999
    assert again.diagnostics[0].line == SERVICE[: SERVICE.index("port: 81")].count("\n") + 3


FAMILIES = """tosca_definitions_version: tosca_2_0

data_types:
  Port: { derived_from: integer, validation: { $less_than: [ $value, 65536 ] } }
  Range: { properties: { low: { type: Port, default: 1 }, high: { type: Port } } }
capability_types:
  Host: { properties: { slots: { type: integer, default: 4 } } }
  Big:
    derived_from: Host
    properties:
      size: { type: Port, default: 3 }
relationship_types:
  HostedOn: { properties: { weight: { type: integer, default: 1 } } }
node_types:
  Base:
    properties:
      name: { type: string }
    attributes:
      state: { type: string }
  Server:
    derived_from: Base
    properties:
      port: { type: Port, default: 80 }
    capabilities:
      host: Host
    requirements:
    - host: { capability: Host, relationship: HostedOn, count_range: [ 0, 1 ] }
  Client:
    derived_from: Base
    properties:
      range: { type: Range, required: false }
      from: { type: integer, default: { $get_property: [ SELF, RELATIONSHIP, server, CAPABILITY, slots ] } }
    requirements:
    - server: { capability: Host, node: Server, relationship: HostedOn }
  Lonely:
    properties: { a: { type: integer, default: 1 } }
"""
MEMBERS = """tosca_definitions_version: tosca_2_0
imports:
- types.yaml

node_types:
  Own:
    derived_from: Server
    properties:
      extra: { type: string, default: x }
    capabilities:
      big: Big
service_template:
  inputs:
    domain: { type: string, default: example.com }
  node_templates:
    one:
      type: Server
      properties: { name: one, port: 81 }
    two:
      type: Own
      properties: { name: two, extra: y }
      capabilities: { big: { properties: { size: 9 } } }
      requirements: [ host: one ]
    three:
      type: Client
      properties: { name: { $get_property: [ two, extra ] }, range: { low: 4, high: 10 } }
      requirements: [ { server: two } ]
    four:
      type: Client
      properties: { name: { $get_property: [ SELF, RELATIONSHIP, server, TARGET, name ] } }
      requirements: [ { server: { node: one, relationship: { type: HostedOn, properties: { weight: 3 } } } } ]
    five:
      type: Lonely
      properties: { a: 7 }
    six:
      type: Base
      properties: { name: { $get_property: [ three, RELATIONSHIP, server, TARGET, extra ] } }
  outputs:
    state: { value: { $get_attribute: [ two, state ] } }
    port: { value: { $get_property: [ one, port ] } }
"""
TOKENS = [
    "integer",
    "string",
    "Port",
    "Range",
    "Host",
    "Big",
    "Server",
    "Client",
    "Base",
    "Own",
    "Lonely",
    "slots",
    "size",
    "port",
    "name",
    "extra",
    "9",
    "99999",
    "host",
    "x",
    "~",
]


@pytest.fixture
def families(source: Editable) -> puccini.Session:
    session = puccini.Session(source)
    source.files = {"service.yaml": MEMBERS, "types.yaml": FAMILIES}
    for path, text in source.files.items():
        session.update(path, text)
    assert session.diagnostics("service.yaml") == ()
    return session


@pytest.mark.parametrize("seed", range(4))
def test_types_are_edited_in_any_way(source: Editable, families: puccini.Session, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        path, first = chance.choice([("service.yaml", MEMBERS), ("types.yaml", FAMILIES), ("types.yaml", FAMILIES)])
        text = source.files[path]
        lines = text.split("\n")
        line = chance.randrange(2, len(lines))
        word = chance.choice([one for one in re.finditer(r"\w+", text) if one.start() > 60])
        match chance.randrange(6):
            case 0 | 1:
                text = first
            case 2 | 3:
                text = text[: word.start()] + chance.choice(TOKENS) + text[word.end() :]
            case 4:
                text = "\n".join(lines[:line] + lines[line + 1 :])
            case _:
                text = "\n".join([*lines[:line], chance.choice(("", "# more", lines[line])), *lines[line:]])
        edited(source, families, path, text)


@pytest.mark.parametrize(
    ("edit", "nodes"),
    [
        ((" a: { type: integer, default: 1", " b: { type: integer, default: 1"), {"five"}),
        (("size: { type: Port, default: 3", "size: { type: Port, default: x"), {"two", "three", "six"}),
        (("low: { type: Port, default: 1", "low: { type: string, default: a"), {"three", "four", "six"}),
    ],
)
def test_only_what_depends_on_a_type_is_resolved_again(
    source: Editable, families: puccini.Session, edit: tuple[str, str], nodes: set[str]
) -> None:
    service = families.check("service.yaml").service
    assert service is not None
    before = {name: one.properties for name, one in service.nodes.items()}
    assert edited(source, families, "types.yaml", FAMILIES.replace(*edit))
    assert families.check("service.yaml").service is service
    assert {name for name, one in service.nodes.items() if one.properties is not before[name]} == nodes


def test_requirements_matter_to_paths_of_others(source: Editable, families: puccini.Session) -> None:
    found = edited(source, families, "service.yaml", MEMBERS.replace("{ server: two }", "{ server: one }"))
    assert [(one.code, one.path.split("/")[2]) for one in found] == [("unknown-property", "six")]


def test_files_are_told_of_in_the_order_of_reading(source: Editable, families: puccini.Session) -> None:
    edited(source, families, "types.yaml", FAMILIES.replace("a: { type: integer", "a: { type: boolean"))
    found = edited(source, families, "service.yaml", MEMBERS.replace("type: Own", "type: Owl"))
    assert [one.file for one in found] == ["service.yaml", "service.yaml", "types.yaml"]


def test_what_is_on_disk_is_read_again(tmp_path: Any) -> None:
    (tmp_path / "service.yaml").write_text(SERVICE)
    (tmp_path / "types.yaml").write_text(TYPES)
    session = puccini.Session(puccini.FolderSource(tmp_path))
    assert session.diagnostics("service.yaml") == ()
    (tmp_path / "types.yaml").write_text(TYPES.replace("Server:", "Servant:"))
    assert session.diagnostics("service.yaml") == ()
    session.update("types.yaml", None)
    assert {one.code for one in session.diagnostics("service.yaml")} == {"unknown-type"}
    (tmp_path / "types.yaml").write_text(TYPES)
    session.refresh()
    assert session.diagnostics("service.yaml") == ()


def test_lists_are_indented_or_not() -> None:
    for text in (SERVICE, TYPES, SERVICE.replace("\n- ", "\n  - "), TYPES.replace("    - host", "      - host")):
        assert editing.Editor("f").parse(text.encode()).parts is not None


@pytest.mark.parametrize("text", [SERVICE, TYPES, SERVICE.replace("\n", "\r\n"), "a: 1\n", "a: 1", ""])
def test_parts_amount_to_the_whole(text: str) -> None:
    data = text.encode()
    parted, whole = editing.Editor("f").parse(data), yaml.parse(data, "f")
    assert parted.value == whole.value
    assert parted.problems == whole.problems
    if whole.complete:
        assert starts(nodes.root(parted)) == starts(nodes.root(whole))


def starts(node: nodes.Node) -> list[Any]:
    found: list[Any] = [(node.path, node.start, node.key_range[0])]
    if isinstance(node.value, dict):
        found += [place for _, child in node.items() for place in starts(child)]
    elif isinstance(node.value, list):
        found += [place for child in node for place in starts(child)]
    return found
