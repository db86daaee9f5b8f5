"""Descriptions for people: an outline, one line for what fits in one."""

from collections.abc import Iterator
from typing import Any

import msgspec

_WIDTH = 100
_DEFINITION = {"type", "required", "default", "value", "validation", "mapping", "description"}


def outline(found: dict[str, Any]) -> str:
    """Return a description as indented text."""
    return "\n".join(_map(found, 0))


def title(found: dict[str, Any]) -> str:
    """Return what a described type is, in one line."""
    derived = found.get("derived_from", [])
    return f"{found['kind']} {found['name']}" + (f", derived from {', '.join(derived)}" if derived else "")


def summary(found: dict[str, Any]) -> str:
    """Return one property in one line: ``string, required, default 5: what it is for``."""
    parts = [str(found.get("type", "any"))]
    if found.get("required"):
        parts.append("required" if "default" not in found and "value" not in found else "always there")
    if "value" in found:
        parts.append(f"always {_plain(found['value'])}")
    elif "default" in found:
        parts.append(f"default {_plain(found['default'])}")
    parts += [str(clause) for clause in found.get("validation", [])]
    text = ", ".join(parts)
    return f"{text} - {' '.join(found['description'].split())}" if found.get("description") else text


def _map(found: dict[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, one in found.items():
        if name in ("properties", "attributes", "inputs", "outputs") and isinstance(one, dict):
            yield f"{indent}{name}:"
            width = max(len(key) for key in one)
            for key, inner in one.items():
                shown = summary(inner) if isinstance(inner, dict) and inner.keys() <= _DEFINITION else _plain(inner)
                yield f"{indent}  {key:<{width}}  {shown}"
        elif isinstance(one, dict) and not _fits(one):
            yield f"{indent}{name}:"
            yield from _map(one, depth + 1)
        elif isinstance(one, list) and one and isinstance(one[0], dict):
            yield f"{indent}{name}:"
            yield from (f"{indent}  - {_plain(item)}" for item in one)
        elif isinstance(one, list):
            yield f"{indent}{name}: {', '.join(map(_plain, one))}"
        else:
            yield f"{indent}{name}: {_plain(one)}"


def _fits(found: dict[str, Any]) -> bool:
    flat = not any(isinstance(item, dict) for item in found.values())
    return flat and len(_plain(found)) <= _WIDTH


def _plain(found: Any) -> str:
    if isinstance(found, str):
        return " ".join(found.split())
    if isinstance(found, dict):
        return ", ".join(f"{name}: {_plain(item)}" for name, item in found.items()) or "{}"
    return msgspec.json.encode(found).decode()
