"""Interfaces, operations, implementations and artifacts of TOSCA 1.x.

Until 1.2 operations stand directly in their interface, since 1.3 under ``operations``; both are read in all versions.
"""

import posixpath
from collections.abc import Mapping

from puccini import yaml
from puccini.dialects.data import PARAMETER, type_name
from puccini.dialects.forms import Form, Into, Page, Rule, as_list, as_text, drop, listed, named, same, to
from puccini.dialects.values import interface_name, value, values
from puccini.dialects.writing import Draft, Written, escaped, keep, marks, single
from puccini.nodes import Node

_BY_EXTENSION = {
    ".sh": "tosca.artifacts.Implementation.Bash",
    ".bash": "tosca.artifacts.Implementation.Bash",
    ".py": "tosca.artifacts.Implementation.Python",
}
_IMPLEMENTS = "tosca.artifacts.Implementation"
FILE = "tosca.artifacts.File"
DEPLOY_PATH = "deploy_path"


def _short_artifact(node: Node, page: Page) -> Written:
    if not isinstance(node.value, str):
        return keep(node)
    draft = Draft()
    draft.put("file", keep(node))
    _infer(node, page, draft)
    return draft.at(node)


def _infer(node: Node, page: Page, draft: Draft) -> None:
    """An artifact without a type is of the one that its file's extension says."""
    file = draft.value.get("file")
    if "type" not in draft.value and isinstance(file, str):
        draft.put("type", Written(_BY_EXTENSION.get(posixpath.splitext(file)[1], FILE), marks(node)))


def _deploy_path(node: Node, page: Page, draft: Draft) -> None:
    """Where the file goes is for who deploys it, and kept in the metadata."""
    metadata = yaml.Map()
    for key, one in (draft.value.get("metadata") or {}).items():
        metadata[key] = one
    metadata[DEPLOY_PATH] = node.value
    metadata.marks = dict.fromkeys(metadata, marks(node))
    draft.put("metadata", Written(metadata, marks(node)))


ARTIFACT = Form(
    "artifact definition",
    {
        **same(type=type_name, file=None, repository=None, properties=values),
        "version": to("artifact_version", as_text),
        "artifact_version": to("artifact_version", as_text),
        "checksum": to("checksum", as_text),
        "checksum_algorithm": to("checksum_algorithm"),
        "deploy_path": _deploy_path,
    },
    _short_artifact,
    finish=_infer,
)


def artifacts(node: Node, page: Page) -> Written | None:
    """Return the map of artifacts, which TOSCA 1.0 had also written as a list."""
    if type(node.value) is not yaml.Seq or any(type(one.value) is not yaml.Map for one in node):
        return named(ARTIFACT)(node, page)
    message = f"{node.key}: a map was expected, not a list"
    page.report.warn("not-a-map", message, node, "write 'NAME: ...' for each, without '-'", key=True)
    draft = Draft()
    for item in node:
        for key, child in page.entries(item):
            written = ARTIFACT(child, page)
            if written is not None:
                draft.put(escaped(key) if isinstance(key, str) else key, written)
    return draft.at(node)


def _primary(node: Node, page: Page) -> Written | None:
    if not isinstance(node.value, str):
        return ARTIFACT(node, page)
    if "://" not in node.value:
        return keep(node)
    draft = Draft()
    draft.put("file", keep(node))
    type = _BY_EXTENSION.get(posixpath.splitext(node.value)[1], _IMPLEMENTS)
    draft.put("type", Written(type, marks(node)))
    return draft.at(node)


def _dependencies(node: Node, page: Page) -> Written | None:
    return listed(_primary)(node, page) if type(node.value) is yaml.Seq else as_list(node, page)


def _operation_host(node: Node, page: Page, draft: Draft) -> None:
    if node.value not in ("SELF", "HOST", "SOURCE"):
        message = "operation_host: operations run on the host of their node, or of the source of their relationship"
        page.report.warn("operation-host", message, node, key=True)


def _timeout(node: Node, page: Page, draft: Draft) -> None:
    """No seconds are no limit."""
    if node.value != 0:
        draft.put("timeout", keep(node))


def _short(node: Node, page: Page) -> Written | None:
    """The primary artifact alone: its name or file, or where it is on a network."""
    if not isinstance(node.value, str) or "://" not in node.value:
        return keep(node)
    written = _primary(node, page)
    return single("primary", written, marks(node)) if written is not None else None


_IMPLEMENTATION = Form(
    "implementation definition",
    {
        "primary": to("primary", _primary),
        "dependencies": to("dependencies", _dependencies),
        "timeout": _timeout,
        "operation_host": _operation_host,
    },
    _short,
)


def implementation(node: Node, page: Page) -> Written | None:
    """Return an implementation; an artifact that stands there itself is the primary one."""
    if type(node.value) is yaml.Map and "file" in node.value and "primary" not in node.value:
        written = ARTIFACT(node, page)
        return single("primary", written, marks(node)) if written is not None else None
    return _IMPLEMENTATION(node, page)


def _operation(title: str, inputs: Rule, outputs: Rule) -> Form:
    return Form(
        title,
        same(implementation=implementation, inputs=inputs, outputs=outputs),
        lambda node, page: keep(node),
    )


_DEFINED = _operation("operation definition", named(PARAMETER), named(PARAMETER))
_ASSIGNED = _operation("operation assignment", values, named(value))


def _operations(form: Form) -> Rule:
    """Return the rule for operations by name, each of which may have nothing in it."""
    return named(lambda node, page: _or_nothing(form, node, page))


def _or_nothing(form: Form, node: Node, page: Page) -> Written | None:
    if type(node.value) is yaml.Seq and not node.value:
        page.null(node)
        return Written(yaml.Map(), marks(node))
    return form(node, page) if node.value is not None else Written(yaml.Map(), marks(node))


def _beside(form: Form) -> Into:
    """Return what puts an operation that stands directly in its interface among the others."""

    def into(node: Node, page: Page, draft: Draft) -> None:
        written = _or_nothing(form, node, page)
        if written is not None:
            _add(draft, escaped(node.key), written)

    return into


def _below(form: Form) -> Into:
    """Return what puts the operations under the key ``operations`` there."""
    rule = _operations(form)

    def into(node: Node, page: Page, draft: Draft) -> None:
        written = rule(node, page)
        if written is None:
            return
        if type(written.value) is not yaml.Map:
            draft.put("operations", written)
            return
        for key, one in written.value.items():
            _add(draft, key, Written(one, written.value.marks[key]))

    return into


def _add(draft: Draft, name: str, written: Written) -> None:
    known = draft.value.get("operations")
    if type(known) is not yaml.Map:
        known = yaml.Map()
        draft.put("operations", Written(known, written.marks))
    known[name], known.marks[name] = written.value, written.marks


def _interface(title: str, form: Form, inputs: Rule, keys: Mapping[str, Into]) -> Form:
    """Return the form of an interface: what is no keyname in it is an operation."""
    return Form(
        title,
        {**keys, **same(inputs=inputs, notifications=_operations(form)), "operations": _below(form)},
        others=_beside(form),
    )


INTERFACE_TYPE = _interface("interface type", _DEFINED, named(PARAMETER), same(derived_from=None, version=as_text))
INTERFACES = named(_interface("interface definition", _DEFINED, named(PARAMETER), same(type=None)), interface_name)
INTERFACE_ASSIGNMENTS = named(_interface("interface assignment", _ASSIGNED, values, {"type": drop}), interface_name)
