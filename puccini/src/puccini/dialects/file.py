"""Files of TOSCA 1.x: their top, imports and repositories."""

from puccini import yaml
from puccini.dialects.forms import Form, Page, Rule, drop, named, same, to
from puccini.dialects.templates import TOPOLOGY
from puccini.dialects.types import TYPES
from puccini.dialects.writing import Draft, Written, keep, marks, sequence
from puccini.nodes import Node, describe

_ABOUT = ("template_name", "template_author", "template_version")

_IMPORT = Form(
    "import definition",
    {
        "file": to("url"),
        "repository": to("repository"),
        "namespace_prefix": to("namespace"),
        "namespace_uri": drop,
    },
    lambda node, page: keep(node),
)


def _import(node: Node, page: Page) -> Written | None:
    """A name or path, a map with keynames, or one of these under a name of its own."""
    if type(node.value) is yaml.Map and len(node.value) == 1:
        ((key, child),) = node.items()
        if key not in _IMPORT.keys:
            return _IMPORT(child, page)
    return _IMPORT(node, page)


def _imports(node: Node, page: Page) -> Written | None:
    if type(node.value) is yaml.Map:
        message = f"imports: a list was expected, not {describe(node.value)}"
        page.report.warn("not-a-list", message, node, "write '- FILE' for each", key=True)
        found = [_IMPORT(child, page) for _, child in page.entries(node)]
    elif type(node.value) is yaml.Seq:
        found = [_import(item, page) for item in node]
    else:
        return keep(node)
    return sequence([one for one in found if one is not None], marks(node))


_CREDENTIAL = Form(
    "credential", same(protocol=None, token_type=None, token=None, keys=None, user=None), lambda node, page: keep(node)
)


def _credential(node: Node, page: Page, draft: Draft) -> None:
    """Nothing is fetched over a network, so that there is nobody to show a credential to."""
    _CREDENTIAL(node, page)


_REPOSITORY: Rule = Form(
    "repository definition",
    {"url": to("url"), "credential": _credential},
    lambda node, page: keep(node),
)


def _about(node: Node, page: Page, draft: Draft) -> None:
    """Until 1.1 the template's name, author and version stood at the top; they belong to the metadata."""
    metadata = draft.value.get("metadata")
    if type(metadata) is not yaml.Map:
        metadata = yaml.Map()
        draft.put("metadata", Written(metadata, marks(node)))
    metadata[node.key], metadata.marks[node.key] = page.text(node), marks(node)


def _metadata(node: Node, page: Page, draft: Draft) -> None:
    if type(node.value) is not yaml.Map:
        draft.put("metadata", keep(node))
        return
    before = draft.value.get("metadata")
    result = Draft()
    if type(before) is yaml.Map:
        for key, one in before.items():
            result.put(key, Written(one, before.marks[key]))
    for key, child in page.entries(node):
        result.put(key, keep(child))
    draft.put("metadata", result.at(node))


FILE = Form(
    "TOSCA file",
    {
        "tosca_definitions_version": to("tosca_definitions_version"),
        "namespace": drop,
        "tosca_default_namespace": drop,
        "metadata": _metadata,
        **dict.fromkeys(_ABOUT, _about),
        **same(imports=_imports, repositories=named(_REPOSITORY)),
        "dsl_definitions": drop,
        "topology_template": to("service_template", TOPOLOGY),
        **{name: to(name, named(form)) for name, form in TYPES.items()},
    },
)
