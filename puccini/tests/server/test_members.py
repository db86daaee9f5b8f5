"""What types have and templates use is renamed everywhere: in types, refinements, assignments and functions (R81)."""

from typing import Any

import pytest

from .conftest import VERSION, Answer, Editor, Start
from .test_server import apply, place

TYPES = """
capability_types:
  Host: { properties: { memory: { type: integer, default: 1 } } }
relationship_types:
  HostedOn: { valid_capability_types: [ Host ] }
interface_types:
  Life: { operations: { begin: { inputs: { wait: { type: integer, default: 1 } } } } }
artifact_types: { Script: { file_ext: [ sh ] } }
node_types:
  Machine:
    capabilities:
      host: { type: Host, properties: { memory: { default: 2 } } }
  Application:
    properties: { port: { type: integer, default: 80 } }
    attributes: { url: { type: string, default: { $concat: [ x, { $get_property: [ SELF, port ] } ] } } }
    requirements:
    - host: { capability: Host, relationship: HostedOn, count_range: [ 1, 1 ] }
    artifacts: { run: { type: Script, file: run.sh } }
    interfaces: { life: { type: Life, operations: { begin: run } } }
  Web: { derived_from: Application, properties: { port: { default: 8080 } } }
"""
SERVICE = """
imports: [ types.yaml ]
node_types:
  Outer: { properties: { size: { type: integer } }, capabilities: { outside: Host } }
service_template:
  inputs: { size: { type: integer } }
  substitution_mappings: { node_type: Outer, properties: { size: size }, capabilities: { outside: [ machine, host ] } }
  node_templates:
    machine: { type: Machine, capabilities: { host: { properties: { memory: 4 } } } }
    web:
      type: Web
      properties: { port: 81 }
      requirements: [ host: { node: machine, capability: host } ]
      interfaces: { life: { operations: { begin: { inputs: { wait: 2 } } } } }
  workflows:
    all: { steps: { one: { target: web, target_relationship: host, activities: [ inline: only ] } } }
    only: { steps: { one: { target: web, activities: [ call_operation: life.begin ] } } }
  policies: []
  outputs:
    port: { value: { $get_property: [ web, port ] } }
    url: { value: { $get_attribute: [ web, url ] } }
    memory: { value: { $get_property: [ web, RELATIONSHIP, host, CAPABILITY, memory ] } }
    other: { value: { $get_property: [ machine, CAPABILITY, host, memory ] } }
"""
FILES = {"types.yaml": TYPES, "service.yaml": SERVICE, "run.sh": ""}


@pytest.fixture
def editor(start: Start) -> Editor:
    made = start(FILES)
    (made.folder / "run.sh").write_text("")
    for name in ("types.yaml", "service.yaml"):
        assert made.open(name) == []
    return made


def rename(editor: Editor, name: str, mark: str, new: str) -> dict[str, str]:
    _, line, column = place((VERSION + FILES[name]).replace(mark.replace("|", ""), mark, 1), "|")
    found: Any = editor.ask("textDocument/rename", {**editor.at(name, line, column), "newName": new})
    return apply(editor, found)


def expected(*changes: tuple[str, str, str]) -> dict[str, str]:
    texts = {name: VERSION + FILES[name] for name in dict.fromkeys(name for name, _, _ in changes)}
    for name, old, new in changes:
        assert old in texts[name], old
        texts[name] = texts[name].replace(old, new)
    return texts


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("types.yaml", "po|rt: { type"),
        ("types.yaml", "po|rt: { default"),
        ("service.yaml", "po|rt: 81"),
        ("service.yaml", "web, po|rt"),
    ],
)
def test_r81_a_property_with_its_refinements_from_wherever(name: str, mark: str, editor: Editor) -> None:
    assert rename(editor, name, mark, "number") == expected(
        ("types.yaml", "port", "number"),
        ("service.yaml", "port: 81", "number: 81"),
        ("service.yaml", "web, port", "web, number"),
    )


def test_r81_an_attribute_and_a_property_of_a_capability(editor: Editor) -> None:
    assert rename(editor, "types.yaml", "u|rl", "address") == expected(
        ("types.yaml", "url", "address"), ("service.yaml", "web, url", "web, address")
    )
    assert rename(editor, "service.yaml", "CAPABILITY, mem|ory", "size") == expected(
        ("types.yaml", "memory", "size"),
        ("service.yaml", "memory: 4", "size: 4"),
        ("service.yaml", "CAPABILITY, memory", "CAPABILITY, size"),
        ("service.yaml", "host, memory", "host, size"),
    )


def test_r81_a_capability_and_a_requirement_of_one_name_are_told_apart(editor: Editor) -> None:
    assert rename(editor, "types.yaml", "      ho|st: { type: Host", "place") == expected(
        ("types.yaml", "      host: { type: Host", "      place: { type: Host"),
        ("service.yaml", "[ machine, host ]", "[ machine, place ]"),
        ("service.yaml", "capabilities: { host:", "capabilities: { place:"),
        ("service.yaml", "capability: host", "capability: place"),
        ("service.yaml", "CAPABILITY, host", "CAPABILITY, place"),
    )
    assert rename(editor, "types.yaml", "    - ho|st", "runs_on") == expected(
        ("types.yaml", "    - host", "    - runs_on"),
        ("service.yaml", "[ host: { node", "[ runs_on: { node"),
        ("service.yaml", "target_relationship: host", "target_relationship: runs_on"),
        ("service.yaml", "RELATIONSHIP, host", "RELATIONSHIP, runs_on"),
    )


def test_r81_operations_inputs_artifacts_workflows_outer_capabilities(editor: Editor) -> None:
    assert rename(editor, "service.yaml", "life.be|gin", "launch") == expected(
        ("types.yaml", "begin", "launch"), ("service.yaml", "begin", "launch")
    )
    assert rename(editor, "types.yaml", "wa|it", "pause") == expected(
        ("types.yaml", "wait", "pause"), ("service.yaml", "wait", "pause")
    )
    assert rename(editor, "types.yaml", "{ ru|n: {", "program") == expected(
        ("types.yaml", "{ run: {", "{ program: {"), ("types.yaml", "begin: run }", "begin: program }")
    )
    assert rename(editor, "service.yaml", "inline: on|ly", "rest") == expected(("service.yaml", "only", "rest"))
    assert rename(editor, "service.yaml", "{ out|side: Host", "inside") == expected(
        ("service.yaml", "outside", "inside")
    )


CALLS = """
interface_types:
  Life: { operations: { begin: {}, life: {} }, notifications: { ended: {} } }
  Link: { operations: { join: {} } }
capability_types: { C: {} }
relationship_types: { R: { interfaces: { link: { type: Link } } } }
node_types:
  N:
    capabilities: { c: C }
    requirements: [ r: { capability: C, relationship: R, count_range: [ 0, 1 ] } ]
    interfaces: { life: { type: Life } }
  M: { derived_from: N, interfaces: { life: { type: Life, operations: { begin: {} } } } }
  Outer: { interfaces: { life: { type: Life } } }
policy_types:
  Heal: { targets: [ N, All ], triggers: { own: { event: life.ended, action: [ call_operation: life.begin ] } } }
group_types: { All: {} }
service_template:
  substitution_mappings: { node_type: Outer, interfaces: { life: { begin: again } } }
  node_templates:
    a: { type: N, interfaces: { life: { operations: { begin: {} } } } }
    b:
      type: M
      requirements: [ r: { node: a, relationship: { interfaces: { link: { operations: { join: {} } } } } } ]
  groups: { all: { type: All, members: [ a, b ] } }
  policies:
  - heal:
      type: Heal
      targets: [ all ]
      triggers: { t: { event: life.ended, action: [ call_operation: { operation: life.begin } ] } }
  workflows:
    again:
      steps:
        one: { target: all, activities: [ call_operation: life.life, call_operation: life.begin ] }
        two: { target: b, target_relationship: r, activities: [ call_operation: link.join ] }
"""


@pytest.fixture
def calls(start: Start) -> Editor:
    made = start({"calls.yaml": CALLS})
    assert made.open("calls.yaml") == []
    return made


def renamed(editor: Editor, mark: str, new: str) -> str:
    _, line, column = place((VERSION + CALLS).replace(mark.replace("|", ""), mark, 1), "|")
    found: Any = editor.ask("textDocument/rename", {**editor.at("calls.yaml", line, column), "newName": new})
    return apply(editor, found)["calls.yaml"]


@pytest.mark.parametrize(
    "mark",
    [
        *("li|fe: { type: Life } }\n  M", "li|fe: { type: Life, op", "a: { type: N, interfaces: { li|fe"),
        *("li|fe.life", "event: li|fe", "operation: { operation: li|fe"),
    ],
)
def test_r81_an_interface_wherever_it_is_named(mark: str, calls: Editor) -> None:
    """In types, refinements, assignments, calls of steps and triggers, events; what is another's stays."""
    wanted = VERSION + CALLS
    for before in ("life: { type: Life", "life.", "life: { oper"):
        wanted = wanted.replace(before, before.replace("life", "care", 1))
    wanted = wanted.replace("Outer: { interfaces: { care", "Outer: { interfaces: { life")
    assert renamed(calls, mark, "care") == wanted


def test_r81_an_interface_of_a_relationship_and_of_the_substituted_type(calls: Editor) -> None:
    text = VERSION + CALLS
    assert renamed(calls, "lin|k.join", "tie") == text.replace("link", "tie")
    wanted = text.replace("Outer: { interfaces: { life", "Outer: { interfaces: { care")
    assert renamed(calls, "interfaces: { li|fe: { begin: again", "care") == wanted.replace(
        "interfaces: { life: { begin: again", "interfaces: { care: { begin: again"
    )


def test_r81_operations_notifications_and_workflows_that_are_called(calls: Editor) -> None:
    text = VERSION + CALLS
    assert renamed(calls, "operation: life.beg|in", "go") == text.replace("begin", "go")
    assert renamed(calls, "event: life.end|ed", "gone") == text.replace("ended", "gone")
    assert renamed(calls, "begin: aga|in", "more") == text.replace("again", "more")
    assert renamed(calls, "life.li|fe", "live") == text.replace("life.life", "life.live").replace(
        "begin: {}, life: {}", "begin: {}, live: {}"
    )


def test_r81_what_would_get_another_meaning_is_refused(editor: Editor) -> None:
    """A requirement with the name of another, and a property whose use cannot be known."""
    with pytest.raises(Answer, match="would be wrong"):
        rename(editor, "types.yaml", "po|rt: { type", "url")


def test_r81_references_lead_through_refinements_in_unsaved_files(editor: Editor) -> None:
    """What is only in the editor counts; every file that has a use is found."""
    changed = (VERSION + SERVICE).replace("  policies: []\n", "  policies: []\n  metadata: {}\n")
    editor.change(
        "service.yaml",
        {
            "text": changed.replace(
                "port: { value", "first: { value: { $get_property: [ web, port ] } }\n    port: { value"
            )
        },
    )
    _, line, column = place((VERSION + TYPES).replace("port: { type", "po|rt: { type", 1), "|")
    found = editor.ask(
        "textDocument/references", {**editor.at("types.yaml", line, column), "context": {"includeDeclaration": True}}
    )
    assert sorted(one["uri"].rpartition("/")[2] for one in found) == ["service.yaml"] * 3 + ["types.yaml"] * 3


def test_r81_half_typed_files_do_not_end_the_server(editor: Editor) -> None:
    """Every beginning of a file, with the questions an editor asks there."""
    text = VERSION + SERVICE
    for end in range(40, len(text), 61):
        part = text[:end]
        editor.change("service.yaml", {"text": part})
        line, column = part.count("\n"), len(part) - part.rfind("\n") - 1
        for method in ("completion", "hover", "definition", "documentSymbol"):
            editor.ask(f"textDocument/{method}", editor.at("service.yaml", line, column))
    assert editor.change("service.yaml", {"text": text}) == []
