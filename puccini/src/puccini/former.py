"""Keynames of TOSCA 1.x and what they are called in TOSCA 2.0: hints for files that mix the two.

`puccini.grammar.construct` asks for unknown keynames, `puccini.diagnostics` for those that seem to be missing.
"""

from collections.abc import Collection
from typing import Final

_NOW: Final[dict[str, tuple[str, ...]]] = {
    "constraints": ("validation",),
    "file": ("url",),
    "namespace_prefix": ("namespace",),
    "node_filter": ("substitution_filter",),
    "occurrences": ("count_range", "count"),
    "topology_template": ("service_template",),
    "valid_source_types": ("valid_source_node_types",),
    "valid_target_types": ("valid_capability_types",),
}
"""The first that a construct has is meant."""

_GONE: Final[dict[str, str]] = {
    "credential": "how to log in to a repository is no part of TOSCA 2.0; remove it",
    "namespace_uri": "TOSCA 2.0 has no URIs of namespaces; remove it, and use 'namespace' for a prefix",
}

_FUNCTIONS: Final = ("get_input", "get_property", "get_attribute", "get_artifact", "concat", "join", "token")


def renamed(name: str, keynames: Collection[str]) -> str:
    """Return which of `keynames` the keyname `name` of TOSCA 1.x has become; nothing where it is none."""
    return next((one for one in _NOW.get(name, ()) if one in keynames), "")


def hint(name: str, keynames: Collection[str]) -> str:
    """Return what to write for a keyname of TOSCA 1.x in a construct that has `keynames`; nothing where it is none."""
    now = renamed(name, keynames)
    return f"{name!r} of TOSCA 1.x is {now!r} in TOSCA 2.0" if now else _GONE.get(name, "")


def function(value: object) -> str:
    """Return what to write for a value that is a function as TOSCA 1.x writes it; nothing where it is none."""
    if isinstance(value, dict) and len(value) == 1:
        (name,) = value
        if name in _FUNCTIONS:
            return f"a function begins with '$' in TOSCA 2.0: write '${name}'"
    return ""
