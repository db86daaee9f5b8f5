"""Diagnostics about files of TOSCA 1.x, in the words of TOSCA 1.x, and as strict as that was.

`puccini.diagnostics` passes each one through here. The object's path is the one in the file as it was written, which is
found by the place.
"""

import re
from typing import Final

from puccini import yaml
from puccini.diagnostics import Diagnostic, Severity
from puccini.dialects.document import OldDocument
from puccini.nodes import Node

_LENIENT: Final = frozenset({"bad-refinement", "misplaced-implementation", "unmapped-input", "version-not-first"})
"""What TOSCA 1.x does not say, or the files that people have do otherwise."""

_WORDS: Final = (
    (re.compile(r"\$length: \[ \$value \]"), "length"),
    (re.compile(r"\$equal: \[ length, ([^][]*) \]"), r"length: \1"),
    (re.compile(r"\$greater_or_equal: \[ length, ([^][]*) \]"), r"min_length: \1"),
    (re.compile(r"\$less_or_equal: \[ length, ([^][]*) \]"), r"max_length: \1"),
    (re.compile(r"\$matches: \[ \$value, \^\(\?:(.*)\)\$ \]"), r"pattern: \1"),
    (re.compile(r"\$valid_values: \[ \$value, (\[[^][]*\]) \]"), r"valid_values: \1"),
    (re.compile(r"\$(\w+): \[ \$value(?:: \[ \d \])?, ([^][]*) \]"), r"\1: \2"),
    (re.compile(r"\$and: \[ greater_or_equal: ([^],]+), less_or_equal: ([^],]+) \]"), r"in_range: [ \1, \2 ]"),
    (re.compile(r"\$(?=(get_\w+|concat|join|token|and|or|not|equal|greater_\w+|less_\w+|valid_values)\b)"), ""),
    (re.compile(r"\bservice_template\b"), "topology_template"),
    (re.compile(r"\bservice template\b"), "topology template"),
    (re.compile(r"\bcount_range\b"), "occurrences"),
    (re.compile(r"\bcount range\b"), "occurrences"),
    (re.compile(r"\bvalid_source_node_types\b"), "valid_source_types"),
    (re.compile(r"\bvalid_capability_types\b"), "valid_target_types"),
    (re.compile(r"'url'"), "'file'"),
    (re.compile(r"'namespace'"), "'namespace_prefix'"),
    (re.compile(r" \(section [\d.]+( of the Standard)?\)|^see section [\d.]+ of the Standard$"), ""),
)


def reword(found: Diagnostic, node: Node, document: OldDocument, *, strict: bool) -> Diagnostic | None:
    """Return what is said of `node`; None when TOSCA 1.x has nothing against it."""
    severity = found.severity
    if found.code in _LENIENT and not strict:
        severity = Severity.WARNING
    return found._replace(
        message=_said(found.message),
        hint=_said(found.hint),
        path=path(document, yaml.Position(found.line - 1, found.column - 1)),
        severity=severity,
    )


def _said(text: str) -> str:
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text


def path(document: OldDocument, place: yaml.Position) -> str:
    """Return the path of what stands at a place of the file as it was written."""
    node = document.original
    while (inner := _at(node, place)) is not None:
        node = inner
    return node.path


def _at(node: Node, place: yaml.Position) -> Node | None:
    """Return the entry of `node` that holds a place: the last one that begins before it."""
    if type(node.value) is yaml.Map:
        found = [child for _, child in node.items() if child.key_range[0] <= place]
        return max(found, key=lambda child: child.key_range[0], default=None)
    if type(node.value) is yaml.Seq:
        return max((child for child in node if child.start <= place), key=lambda child: child.start, default=None)
    return None
