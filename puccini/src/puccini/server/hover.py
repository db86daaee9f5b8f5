"""What something is, as Markdown (`textDocument/hover`)."""

from typing import Any

from puccini.describing import text as texts
from puccini.describing import types as describing
from puccini.functions.signatures import Signature
from puccini.grammar.templates import FunctionDefinition
from puccini.model.data import Property
from puccini.model.service import Group, NodeTemplate, RelationshipUse
from puccini.model.type import Type
from puccini.model.types import Capability, Interface, Operation, Requirement
from puccini.server.occurrence import Occurrence
from puccini.units import Unit

_LISTED = ("properties", "attributes", "inputs", "capabilities", "requirements", "interfaces", "operations", "units")
_MANY = 30


def markdown(found: Occurrence) -> str:
    """Return what is known of the thing that an occurrence names."""
    thing = found.thing
    match thing:
        case Type():
            data = describing.type(thing)
            return "\n\n".join([f"**{texts.title(data)}**", *_paragraphs(data)])
        case Property():
            data = describing.one(thing)
            about = data.pop("description", "")
            return _join(f"**{thing.role} {thing.name}**: {_code(texts.summary(data))}", about)
        case Signature():
            head = f"**function ${thing.name}**: {thing.expectation}, gives {thing.result}"
            return _join(head, f"Section {thing.section} of the Standard.")
        case FunctionDefinition():
            return _join(f"**function ${thing.name}**", thing.description)
        case NodeTemplate() | Group():
            type = thing.type.name if thing.type is not None else "of an unknown type"
            return _join(f"**{found.kind} {thing.name}**: {type}", getattr(thing, "description", ""))
        case RelationshipUse():
            return f"**relationship template {thing.name}**: {thing.type.name}"
        case Capability() | Interface():
            return f"**{found.kind} {thing.name}**: {thing.type.name}"
        case Requirement():
            data = describing.requirement(thing)
            shown = ", ".join(f"{name} {item}" for name, item in data.items() if isinstance(item, str))
            return f"**requirement {thing.name}**: {shown}"
        case Operation():
            return _join(f"**operation {thing.name}**", _bullets({"inputs": describing.data(thing.inputs)}))
        case Unit():
            return _join(f"**{thing.name}**", thing.file.description)
        case _:
            return f"**{found.kind} {found.name}**"


def _paragraphs(data: dict[str, Any]) -> list[str]:
    parts = [data["description"]] if data.get("description") else []
    return [*parts, *([bullets] if (bullets := _bullets(data)) else [])]


def _bullets(data: dict[str, Any]) -> str:
    lines: list[str] = []
    for section in _LISTED:
        entries = data.get(section)
        if not entries:
            continue
        lines.append(f"{section}:")
        for name, one in list(entries.items())[:_MANY]:
            lines.append(f"- `{name}` {_entry(section, one)}".rstrip())
        if len(entries) > _MANY:
            lines.append(f"- and {len(entries) - _MANY} more")
        lines.append("")
    return "\n".join(lines).rstrip()


def _entry(section: str, one: Any) -> str:
    if section in ("properties", "attributes", "inputs"):
        return texts.summary(one)
    if isinstance(one, dict):
        return str(one.get("type") or one.get("capability") or "")
    return str(one)


def _join(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _code(text: str) -> str:
    return f"`{text}`" if "`" not in text else text
