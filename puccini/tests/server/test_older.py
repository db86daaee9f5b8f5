"""The language server on files of TOSCA 1.x (R86, R81)."""

from typing import Any

from .conftest import Editor, Start

SERVICE = """\
tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  node_templates:
    machine: { type: Compute }
    web:
      type: WebServer
      requirements:
      - host: machine
"""


def suggested(editor: Editor, text: str, line: str) -> set[str]:
    """Return what may stand at the end of a line, once the file is `text`."""
    editor.change("service.yaml", {"text": text})
    number = text.split("\n").index(line)
    position = {"line": number, "character": len(line)}
    answer: Any = editor.ask(
        "textDocument/completion", {"textDocument": {"uri": editor.uri("service.yaml")}, "position": position}
    )
    return {item["label"] for item in answer["items"]}


def test_r86_types_keynames_and_nodes_are_suggested_in_the_words_of_1_x(start: Start) -> None:
    editor = start({"service.yaml": SERVICE})
    assert editor.open("service.yaml") == []
    assert {"Compute", "tosca.nodes.Compute"} <= suggested(
        editor, SERVICE.replace("type: WebServer", "type: Comp"), "      type: Comp"
    )
    keynames = suggested(editor, SERVICE.replace("    web:\n", "    web:\n      d\n"), "      d")
    assert "directives" in keynames
    assert "count" not in keynames
    assert "machine" in suggested(editor, SERVICE.replace("host: machine", "host: mach"), "      - host: mach")


def test_r86_hovering_shows_types_of_the_profile(start: Start) -> None:
    editor = start({"service.yaml": SERVICE})
    editor.open("service.yaml")
    shown: Any = editor.ask(
        "textDocument/hover",
        {"textDocument": {"uri": editor.uri("service.yaml")}, "position": {"line": 5, "character": 14}},
    )
    assert "tosca.nodes.WebServer" in shown["contents"]["value"]
