"""The language server as an editor uses it: the real process, over its standard input and output (R81)."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import VERSION, Answer, Editor, Start, end, write

TYPES = """\
capability_types:
  Host: { description: Where things run., properties: { size: { type: integer, default: 1 } } }
relationship_types:
  HostedOn: {}
node_types:
  Machine:
    description: A computer.
    properties: { memory: { type: integer, default: 4, description: In gigabytes. } }
    capabilities: { host: Host }
  Application:
    properties:
      port: { type: integer, description: Where it listens. }
      fast: { type: boolean, default: false }
    attributes: { url: { type: string } }
    requirements: [ host: { capability: Host, relationship: HostedOn } ]
"""
SERVICE = """\
imports: [ types.yaml ]
service_template:
  inputs:
    port: { type: integer, default: 80 }
  node_templates:
    machine: { type: Machine }
    web:
      type: Application
      properties:
        port: { $get_input: port }
      requirements:
      - host: machine
  outputs:
    url: { value: { $get_attribute: [ web, url ] } }
"""
FILES = {"types.yaml": TYPES, "service.yaml": SERVICE}


PATHS = """\
imports: [ types.yaml ]
service_template:
  node_templates: { m: { type: Machine }, a: { type: Application, requirements: [ host: m ] } }
  outputs:
    o:
      value: """
TOKENS: list[tuple[str, list[str], list[str]]] = [
    ("{ $get_property: [ a, | ] }", ["port", "fast", "CAPABILITY", "RELATIONSHIP"], ["url", "host"]),
    ("{ $get_attribute: [ a, | ] }", ["port", "url"], ["host"]),
    ("{ $get_property: [ a, RELATIONSHIP, | ] }", ["host"], ["port", "CAPABILITY"]),
    ("{ $get_property: [ a, RELATIONSHIP, host, | ] }", ["TARGET", "CAPABILITY", "ALL"], ["host", "RELATIONSHIP"]),
    ("{ $get_property: [ a, RELATIONSHIP, host, 0, | ] }", ["TARGET", "CAPABILITY"], ["host"]),
    ("{ $get_property: [ a, RELATIONSHIP, host, CAPABILITY, | ] }", ["size"], ["TARGET", "memory", "CAPABILITY"]),
    ("{ $get_property: [ m, CAPABILITY, | ] }", ["host"], ["memory", "RELATIONSHIP"]),
    ("{ $get_property: [ m, CAPABILITY, host, | ] }", ["size"], ["memory", "host"]),
    ("{ $get_property: [ m, CAPABILITY, hst, | ] }", [], ["size", "memory"]),
    ("{ $get_artifact: [ a, | ] }", ["RELATIONSHIP"], ["port", "url"]),
]


PROFILE = {"profiles/org.example/1.0/profile.yaml": "profile: org.example:1.0\n"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor for tests that only ask."""
    folder = tmp_path_factory.mktemp("shared")
    write(folder, {**FILES, **PROFILE})
    editor = Editor(folder, "--profiles", "profiles")
    yield editor
    end(editor)


def place(text: str, mark: str) -> tuple[str, int, int]:
    """Return a text without its mark, and where that was."""
    before, _, after = text.partition(mark)
    return before + after, before.count("\n"), len(before) - before.rfind("\n") - 1


def words(found: Any) -> list[str]:
    return [one["label"] for one in found["items"]]


def complete(editor: Editor, text: str, name: str = "service.yaml") -> Any:
    """Return what may stand at the bar in a text."""
    text, line, column = place(VERSION + text, "|")
    if name in editor.versions:
        editor.change(name, {"text": text})
    else:
        editor.open(name, text)
    return editor.ask("textDocument/completion", editor.at(name, line, column))


def test_the_handshake(start: Start) -> None:
    """R81: what it can do, in the order that the protocol asks for, to the end."""
    editor = start(FILES)
    can = editor.server["capabilities"]
    assert can["textDocumentSync"]["change"] == 2
    for feature in ("completion", "hover", "definition", "references", "documentSymbol", "rename"):
        assert can[f"{feature}Provider"]
    assert editor.server["serverInfo"]["name"] == "puccini"
    assert editor.close() == 0


def test_diagnostics_while_typing(start: Start) -> None:
    """R81, T10: with code, range, hint and related places; gone when the mistake is."""
    editor = start(FILES)
    assert editor.open("service.yaml") == []
    line = (VERSION + SERVICE).splitlines().index("    machine: { type: Machine }")
    insert = {"start": {"line": line, "character": 28}, "end": {"line": line, "character": 28}}
    (found,) = editor.change("service.yaml", {"range": insert, "text": "s"})
    assert (found["code"], found["severity"], found["source"]) == ("unknown-type", 1, "puccini")
    assert found["range"] == {"start": {"line": line, "character": 21}, "end": {"line": line, "character": 29}}
    assert "did you mean 'Machine'?" in found["message"]
    insert["end"] = {"line": line, "character": 29}
    assert editor.change("service.yaml", {"range": insert, "text": ""}) == []


def test_positions_are_those_of_the_client(start: Start) -> None:
    """R81: characters outside of the basic plane are two units of UTF-16, and four of UTF-8."""
    text = VERSION + "node_types: { '\N{PILE OF POO}': { derived_from: Nope } }\n"
    columns = {}
    for encoding in ("utf-16", "utf-8", "utf-32"):
        editor = start(FILES, encoding=encoding)
        (found,) = editor.open("new.yaml", text)
        columns[encoding] = found["range"]["start"]["character"]
    assert columns == {"utf-32": 35, "utf-16": 36, "utf-8": 38}


def test_errors_are_shown_in_the_file_that_has_them(start: Start) -> None:
    """R81: also when that is not open, with the import that led there; again when it is corrected."""
    editor = start({**FILES, "types.yaml": TYPES.replace("capability: Host,", "capability: Hose,")})
    assert editor.open("service.yaml") == []
    (found,) = editor.diagnostics[editor.uri("types.yaml")]
    (by,) = found["relatedInformation"]
    assert (by["message"], by["location"]["uri"]) == ("imported by", editor.uri("service.yaml"))
    assert editor.open("types.yaml", VERSION + TYPES) == []
    assert editor.settled("service.yaml") == []


def test_a_change_in_an_import_shows_where_it_is_used(start: Start) -> None:
    """R81: in files that are open, without touching them."""
    editor = start(FILES)
    editor.open("service.yaml")
    editor.open("types.yaml")
    editor.change("types.yaml", {"text": VERSION + TYPES.replace("  Machine:", "  Computer:")})
    (found,) = editor.diagnostics[editor.uri("service.yaml")]
    assert found["code"] == "unknown-type"
    editor.tell("textDocument/didClose", {"textDocument": {"uri": editor.uri("types.yaml")}})
    assert editor.settled("service.yaml") == []


def test_files_that_change_on_disk(start: Start) -> None:
    """R81: the editor tells; everything is looked at again."""
    editor = start(FILES)
    editor.open("service.yaml")
    (editor.folder / "types.yaml").write_text(VERSION)
    change = {"uri": editor.uri("types.yaml"), "type": 2}
    editor.tell("workspace/didChangeWatchedFiles", {"changes": [change]})
    assert [one["code"] for one in editor.settled("service.yaml")] == ["unknown-type", "unknown-type"]


def test_other_yaml_is_left_alone(start: Start) -> None:
    """R81: unless the editor says that it is TOSCA."""
    editor = start(FILES)
    assert editor.open("other.yaml", "a: 1\n") == []
    assert [one["code"] for one in editor.open("mine.yaml", "a: 1\n", "tosca")] == ["missing-keyname"]


def test_strict(start: Start) -> None:
    """R81."""
    editor = start(FILES, "--strict")
    lax = VERSION + "node_types: { N: { properties: { p: { type: list } } } }\n"
    assert [one["severity"] for one in editor.open("lax.yaml", lax)] == [1]


HEAD = "imports: [ types.yaml ]\n"


@pytest.mark.parametrize(
    ("text", "expected", "absent"),
    [
        ("imp|", ["imports"], ["tosca_definitions_version"]),
        (HEAD + "node_types:\n  A:\n    prop|", ["properties"], ["node_templates"]),
        (HEAD + "node_types:\n  A:\n    derived_from: |", ["Machine", "Application", "A"], ["Host"]),
        (HEAD + "node_types:\n  A: { properties: { p: { type: in| } } }", ["integer", "string"], ["Machine"]),
        (HEAD + "service_template:\n  node_templates:\n    a: { | }", ["type", "properties"], []),
        (HEAD + "service_template:\n  node_templates:\n    a:\n      type: |", ["Machine", "Application"], ["Host"]),
        (
            HEAD
            + "service_template:\n  node_templates:\n    a:\n      type: Application\n      properties:\n        |",
            ["port", "fast"],
            ["memory"],
        ),
        (
            HEAD + "service_template:\n  node_templates:\n    a: { type: Application, properties: { port: 5, | } }",
            ["fast"],
            ["port"],
        ),
        (
            HEAD + "service_template:\n  node_templates:\n    a: { type: Application, properties: { fast: | } }",
            ["true", "false"],
            [],
        ),
        (
            HEAD
            + "service_template:\n  node_templates:\n    a:\n      type: Application\n      requirements:\n      - |",
            ["host"],
            [],
        ),
        (
            HEAD + "service_template:\n  node_templates:\n    m: { type: Machine }\n"
            "    a:\n      type: Application\n      requirements:\n      - host: |",
            ["m", "a", "Machine"],
            [],
        ),
        (
            HEAD + "service_template:\n  inputs: { one: { type: string } }\n  outputs: { o: { value: { $| } } }",
            ["$concat"],
            [],
        ),
        (
            HEAD
            + "service_template:\n  inputs: { one: { type: string } }\n  outputs: { o: { value: { $get_input: | } } }",
            ["one"],
            [],
        ),
        (
            HEAD + "service_template:\n  node_templates: { a: { type: Application } }\n"
            "  outputs: { o: { value: { $get_attribute: [ a, | ] } } }",
            ["url", "port"],
            ["memory"],
        ),
        (
            HEAD + "service_template:\n  node_templates: { a: { type: Machine } }\n  groups: { g: { members: [ | ] } }",
            ["a"],
            [],
        ),
        ("imports:\n- |", ["types.yaml", "url", "profile"], ["new.yaml"]),
        ("imports: [ { profile: | } ]", ["org.example:1.0"], []),
        (
            HEAD + "service_template:\n  node_templates: { a: { type: Application } }\n"
            "  workflows: { w: { steps: { one: { target: a, activities: [], on_success: [ | ] }, two: {} } } }",
            ["one", "two"],
            [],
        ),
        (
            HEAD + "service_template:\n  node_templates: { a: { type: Application } }\n"
            "  workflows: { w: { steps: { one: { target: a, target_relationship: | } } } }",
            ["host"],
            [],
        ),
        (
            (
                "node_types:\n  N:\n    properties:\n      p: { type: integer, default: 1 }\n"
                "      q: { type: integer, default: { $get_property: [ SELF, | ] } }"
            ),
            ["p", "q"],
            ["port"],
        ),
        *((f"{PATHS}{text}", expected, absent) for text, expected, absent in TOKENS),
    ],
)
def test_completion(text: str, expected: list[str], absent: list[str], shared: Editor) -> None:
    """R81: keynames by context, types, properties, node templates, functions, inputs, files and profiles."""
    found = words(complete(shared, text, "new.yaml"))
    assert set(expected) <= set(found), found
    assert not set(absent) & set(found)


def test_completion_puts_first_what_fits(start: Start) -> None:
    """R81: a node that the requirement can lead to, what is required; with types and descriptions."""
    editor = start(FILES)
    top = HEAD + "service_template:\n  node_templates:\n    m: { type: Machine }\n    a:\n      type: Application\n"
    editor.open("service.yaml", VERSION + top + "    b: { type: Application }\n")
    found = complete(editor, top + "      requirements:\n      - host: |\n    b: { type: Application }\n")
    assert found["items"][0]["label"] == "m"
    found = complete(editor, top + "      properties:\n        |\n    b: { type: Application }\n")
    first = found["items"][0]
    assert (first["label"], first["textEdit"]["newText"]) == ("port", "port: ")
    assert "integer, required" in first["detail"]
    assert first["documentation"]["value"] == "Where it listens."


def test_completion_in_a_file_that_is_broken_further_down(start: Start) -> None:
    """R81: what is above is enough."""
    editor = start(FILES)
    editor.open("service.yaml")
    found = complete(editor, HEAD + "service_template:\n  node_templates:\n    a: { type: |\n  outputs: ]\n")
    assert "Machine" in words(found)


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("Mach|ine", "**node type Machine**\n\nA computer."),
        ("Appl|ication", "- `port` integer, required"),
        ("        po|rt:", "**property port**: `integer, required`\n\nWhere it listens."),
        ("$get_i|nput", "**function $get_input**: at least 1 argument"),
        ("get_input: po|rt", "**parameter port**: `integer, always there, default 80`"),
        ("- ho|st", "**requirement host**: capability Host"),
        ("host: mach|ine", "**node template machine**: Machine"),
        ("[ we|b", "**node template web**: Application"),
        ("web, ur|l", "**attribute url**: `string`"),
        ("type: inte|ger", "**data type integer**"),
        ("ty|pes.yaml", "**types.yaml**"),
    ],
)
def test_hover(mark: str, expected: str, shared: Editor) -> None:
    """R81: what things are, with what they inherit."""
    shared.open("service.yaml")
    _, line, column = place((VERSION + SERVICE).replace(mark.replace("|", ""), mark, 1), "|")
    found = shared.ask("textDocument/hover", shared.at("service.yaml", line, column))
    assert expected in found["contents"]["value"]


@pytest.mark.parametrize(
    ("mark", "file", "target"),
    [
        ("Mach|ine", "types.yaml", "  Machine:"),
        ("        po|rt:", "types.yaml", "      port:"),
        ("get_input: po|rt", "service.yaml", "    port:"),
        ("host: mach|ine", "service.yaml", "    machine:"),
        ("[ we|b", "service.yaml", "    web:"),
        ("- ho|st", "types.yaml", "    requirements: [ host:"),
        ("ty|pes.yaml", "types.yaml", "tosca_definitions_version"),
    ],
)
def test_definition(mark: str, file: str, target: str, shared: Editor) -> None:
    """R81: across files."""
    shared.open("service.yaml")
    _, line, column = place((VERSION + SERVICE).replace(mark.replace("|", ""), mark, 1), "|")
    found = shared.ask("textDocument/definition", shared.at("service.yaml", line, column))
    assert found["uri"] == shared.uri(file)
    lines = (shared.folder / file).read_text().splitlines()
    assert lines[found["range"]["start"]["line"]].startswith(target)


def test_nothing_is_where_nothing_is(shared: Editor) -> None:
    """R81."""
    shared.open("service.yaml")
    assert shared.ask("textDocument/hover", shared.at("service.yaml", 0, 3)) is None
    assert shared.ask("textDocument/definition", shared.at("service.yaml", 500, 3)) is None


def apply(editor: Editor, edit: Any) -> dict[str, str]:
    """Return the texts of the files after an edit."""
    texts = {}
    for uri, changes in edit["changes"].items():
        name = uri.removeprefix(editor.folder.as_uri() + "/")
        lines = (editor.folder / name).read_text().split("\n")
        for change in sorted(changes, key=lambda one: tuple(one["range"]["start"].values()), reverse=True):
            start, end = change["range"]["start"], change["range"]["end"]
            line = lines[start["line"]]
            lines[start["line"]] = line[: start["character"]] + change["newText"] + line[end["character"] :]
        texts[name] = "\n".join(lines)
    return texts


def rename(editor: Editor, mark: str, new: str, name: str = "service.yaml") -> dict[str, str]:
    text = (editor.folder / name).read_text()
    if name not in editor.versions:
        editor.open(name)
    _, line, column = place(text.replace(mark.replace("|", ""), mark, 1), "|")
    at = editor.at(name, line, column)
    shown = editor.ask("textDocument/prepareRename", at)
    assert shown["placeholder"] == mark.rpartition(" ")[2].replace("|", "").strip("[:")
    return apply(editor, editor.ask("textDocument/rename", {**at, "newName": new}))


def test_rename_a_type_in_every_file(start: Start) -> None:
    """R81: also in files that are not open, and behind namespaces."""
    other = "imports: [ { url: types.yaml, namespace: t } ]\nnode_types: { N: { derived_from: 't:Machine' } }\n"
    editor = start({**FILES, "sub/other.yaml": other.replace("types.yaml", "../types.yaml")})
    found = rename(editor, "Mach|ine", "Computer")
    assert found["types.yaml"] == VERSION + TYPES.replace("Machine", "Computer")
    assert found["service.yaml"] == VERSION + SERVICE.replace("Machine", "Computer")
    assert "'t:Computer'" in found["sub/other.yaml"]
    assert len(found) == 3


def test_rename_a_node_template_and_an_input(start: Start) -> None:
    """R81: in requirements, functions, groups, workflows and mappings."""
    service = SERVICE + (
        "  groups: { g: { type: G, members: [ web ] } }\n"
        "  workflows:\n"
        "    w: { steps: { one: { target: web, activities: [ set_state: x ] } }, outputs: { o: [ web, url ] } }\n"
        "  substitution_mappings: { node_type: Outer, capabilities: { host: [ machine, host ] } }\n"
        "node_types: { Outer: { capabilities: { host: Host } } }\ngroup_types: { G: {} }\n"
    )
    editor = start({**FILES, "service.yaml": service})
    found = rename(editor, "    we|b:", "server")
    assert found["service.yaml"].splitlines() == (VERSION + service.replace("web", "server")).splitlines()
    found = rename(editor, "host: mach|ine", "box")
    assert found == {"service.yaml": VERSION + service.replace("machine", "box")}
    found = rename(editor, "get_input: po|rt", "number")
    expected = service.replace("inputs:\n    port: {", "inputs:\n    number: {").replace(
        "$get_input: port", "$get_input: number"
    )
    assert found == {"service.yaml": VERSION + expected}


@pytest.mark.parametrize(
    ("mark", "new", "why"),
    [
        ("Mach|ine", "Application", "it would be wrong then"),
        ("Mach|ine", "a b", "is not a name"),
        ("    ty|pe: Application", "x", "nothing here"),
        ("    we|b:", "machine", "it would be wrong then"),
    ],
)
def test_rename_is_refused_with_the_reason(mark: str, new: str, why: str, shared: Editor) -> None:
    """R81: rather than making something wrong."""
    shared.open("service.yaml")
    _, line, column = place((VERSION + SERVICE).replace(mark.replace("|", ""), mark, 1), "|")
    with pytest.raises(Answer, match=why):
        shared.ask("textDocument/rename", {**shared.at("service.yaml", line, column), "newName": new})


def test_rename_does_not_reach_into_profiles(start: Start) -> None:
    """R81: what others define is theirs."""
    profile = "profile: org.example:1.0\nnode_types: { Base: {} }\n"
    service = "imports: [ { profile: 'org.example:1.0' } ]\nnode_types: { N: { derived_from: Base } }\n"
    editor = start({"mine.yaml": service})
    (editor.folder.parent / "catalog/org.example/1.0").mkdir(parents=True, exist_ok=True)
    (editor.folder.parent / "catalog/org.example/1.0/profile.yaml").write_text(VERSION + profile)
    other = start({}, "--profiles", "../catalog")
    assert other.open("mine.yaml") == []
    with pytest.raises(Answer, match="outside of"):
        _, line, column = place(VERSION + service.replace("Base", "Ba|se"), "|")
        other.ask("textDocument/rename", {**other.at("mine.yaml", line, column), "newName": "Other"})


def test_rename_waits_for_files_to_be_yaml(start: Start) -> None:
    """R81: a file that cannot be read may have the name in it."""
    editor = start({**FILES, "broken.yaml": VERSION + "node_types: { N: { derived_from: Machine }\n"})
    with pytest.raises(Answer, match=r"broken\.yaml cannot be read"):
        rename(editor, "Mach|ine", "Computer")


def test_references(shared: Editor) -> None:
    """R81."""
    shared.open("service.yaml")
    _, line, column = place((VERSION + SERVICE).replace("host: machine", "host: mach|ine"), "|")
    at = shared.at("service.yaml", line, column)
    found = shared.ask("textDocument/references", {**at, "context": {"includeDeclaration": True}})
    assert len(found) == 2
    found = shared.ask("textDocument/references", {**at, "context": {"includeDeclaration": False}})
    assert [one["range"]["start"]["line"] for one in found] == [line]


def test_symbols(shared: Editor) -> None:
    """R81: sections and what they define."""
    shared.open("service.yaml")
    found = shared.ask("textDocument/documentSymbol", {"textDocument": {"uri": shared.uri("service.yaml")}})
    service = next(one for one in found if one["name"] == "service_template")
    assert [one["name"] for one in service["children"]] == ["inputs", "node_templates", "outputs"]
    nodes = service["children"][1]["children"]
    assert [(one["name"], one["detail"]) for one in nodes] == [("machine", "Machine"), ("web", "Application")]
    assert nodes[1]["selectionRange"]["start"] == {"line": 7, "character": 4}
    assert [(one["name"], one["detail"]) for one in nodes[1]["children"]] == [("host", "machine")]


def test_formatting(shared: Editor) -> None:
    """R81: as the command does it; a file that is not YAML is left alone."""
    shared.open("ugly.yaml", VERSION + "node_types:\n    N: {}\n")
    document = {"textDocument": {"uri": shared.uri("ugly.yaml")}, "options": {"tabSize": 2, "insertSpaces": True}}
    (edit,) = shared.ask("textDocument/formatting", document)
    assert edit["newText"] == VERSION + "node_types:\n  N: {}\n"
    assert edit["range"] == {"start": {"line": 0, "character": 0}, "end": {"line": 3, "character": 0}}
    shared.change("ugly.yaml", {"text": edit["newText"]})
    assert shared.ask("textDocument/formatting", document) == []
    shared.change("ugly.yaml", {"text": "a: ["})
    assert shared.ask("textDocument/formatting", document) is None


def test_quick_fixes(shared: Editor) -> None:
    """R81: what was meant, written."""
    (found,) = shared.open("typo.yaml", VERSION + "node_types: { N: {}, M: { derived_from: NN } }\n")
    at = {"textDocument": {"uri": shared.uri("typo.yaml")}, "range": found["range"]}
    (fix,) = shared.ask("textDocument/codeAction", {**at, "context": {"diagnostics": [found]}})
    (edit,) = fix["edit"]["changes"][shared.uri("typo.yaml")]
    assert (edit["newText"], edit["range"]) == ("N", found["range"])
    wrong = "service_template: { node_templates: {}, outputs: { o: { value: { $konkat: [ a ] } } } }\n"
    (found,) = shared.change("typo.yaml", {"text": VERSION + wrong})
    (fix,) = shared.ask("textDocument/codeAction", {**at, "context": {"diagnostics": [found]}})
    (edit,) = fix["edit"]["changes"][shared.uri("typo.yaml")]
    assert edit["newText"] == "$concat"
    (found,) = shared.change("typo.yaml", {"text": VERSION + wrong.replace("$konkat: [ a ]", "$token: [ a ]")})
    assert shared.ask("textDocument/codeAction", {**at, "context": {"diagnostics": [found]}}) == []


OLD = """\
tosca_definitions_version: tosca_simple_yaml_1_3
node_types:
  App: { derived_from: tosca.nodes.Root, properties: { port: { type: integer } } }
topology_template:
  inputs: { port: { type: integer, default: 80 } }
  node_templates:
    web: { type: App, properties: { port: { get_input: port } } }
  outputs:
    port: { value: { get_property: [ web, port ] } }
"""


def test_older_versions(start: Start) -> None:
    """R81, R86: hover, definition and rename in a file of TOSCA 1.3."""
    editor = start({"old.yaml": OLD})
    assert editor.open("old.yaml") == []
    found = rename(editor, "    we|b:", "server", "old.yaml")
    assert found == {"old.yaml": OLD.replace("web", "server")}
    found = rename(editor, "type: Ap|p", "Shop", "old.yaml")
    assert found == {"old.yaml": OLD.replace("App", "Shop")}
    _, line, column = place(OLD.replace("type: App", "type: Ap|p"), "|")
    assert "port" in editor.ask("textDocument/hover", editor.at("old.yaml", line, column))["contents"]["value"]


def test_an_edit_in_a_large_service_checks_only_what_it_can_mean(start: Start) -> None:
    """R81: a thousand nodes; typing in one of them is answered from what is kept (limits are in the benchmarks)."""
    nodes = "".join(f"    n{i}: {{ type: Application, properties: {{ port: {i} }} }}\n" for i in range(1000))
    text = VERSION + HEAD + "service_template:\n  node_templates:\n" + nodes
    editor = start(FILES)
    assert editor.open("large.yaml", text) == []
    line = 4 + 500
    change = {"start": {"line": line, "character": 0}, "end": {"line": line + 1, "character": 0}}
    for value in ("x", "7", "y", "8"):
        new = f"    n500: {{ type: Application, properties: {{ port: {value} }} }}\n"
        found = editor.change("large.yaml", {"range": change, "text": new})
        assert [one["code"] for one in found] == (["wrong-type"] if value.isalpha() else [])


def test_the_protocol_is_imported_by_this_command_alone(tmp_path: Path) -> None:
    """R101: other commands do not pay for it."""
    (tmp_path / "a.yaml").write_text(VERSION)
    code = (
        "import sys; sys.argv[1:] = ['validate', 'a.yaml']; import puccini.cli.tosca as m; m.main();"
        "assert not {'pygls', 'lsprotocol', 'asyncio'} & set(sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
