"""Templates that copy others (sections 7.2 and 7.4)."""

from collections.abc import Mapping
from typing import TypeVar

from puccini.diagnostics import suggest
from puccini.grammar.templates import RelationshipTemplate
from puccini.semantics.resolver import Resolver

T = TypeVar("T", bound=RelationshipTemplate)


def expand(templates: Mapping[str, T], title: str, resolver: Resolver) -> dict[str, T]:
    """Return the templates with what they copy in them. What a template says itself stands; maps are joined by name."""
    result: dict[str, T] = {}
    for name, template in templates.items():
        if template.copy is None:
            result[name] = template
            continue
        source = templates.get(template.copy.text)
        if source is None:
            hint = suggest(template.copy.text, [other for other in templates if other != name])
            resolver.report.error(
                "unknown-template", f"there is no {title} {template.copy.text!r}", template.copy, hint
            )
        elif source.copy is not None or source is template:
            message = f"{template.copy.text!r} is itself a copy, and copies are not copied"
            resolver.report.error("copy-of-copy", message, template.copy)
        else:
            template = _copy(source, template)
        result[name] = template
    return result


def _copy(source: T, template: T) -> T:
    changes: dict[str, object] = {}
    for field, copied in vars(source).items():
        own = getattr(template, field)
        if field in ("node", "name", "copy"):
            continue
        if isinstance(own, dict):
            changes[field] = {**copied, **own}
        elif own in (None, [], ""):
            changes[field] = copied
    return type(template)(**{**vars(template), **changes})
