"""Events as people read them: one line, with what is particular to each kind. Scripts take ``--output json``."""

from collections.abc import Iterator

from floria.values import Value
from khutulun import model
from khutulun.cli import text


def line(event: model.Event) -> str:
    """Return when, what kind, where, which, and then what belongs to it."""
    where = "/".join(filter(None, (event.service, event.node)))
    told = details(event)
    return text.clean("  ".join([text.instant(event.time), f"{event.kind:9}", where or "-", event.name, *told]))


def details(event: model.Event) -> list[str]:
    """Return what belongs to an event, in words; nothing when its name says it all."""
    data = event.data
    if not isinstance(data, dict):
        return [] if data is None else [_value(data)]
    match event.kind:
        case "execution":
            parts = [_problem(one) for one in _list(data.get("problems"))]
        case "step":
            parts = [_said(data.get("operation")), _problem(data.get("problem"))]
        case "handling":
            parts = [
                _said(data.get("status")),
                *_pairs("", {"result": data.get("result")}),
                _problem(data.get("error")),
            ]
        case _:
            parts = list(_of_event(data))
    told = " ".join(part for part in parts if part)
    return [told] if told else []


def _of_event(data: dict[str, Value]) -> Iterator[str]:
    rest = {name: value for name, value in data.items() if name not in ("detail", "state", "refused", "count")}
    detail = data.get("detail")
    if isinstance(data.get("state"), str):
        yield f"({_said(data['state'])})"
    yield from _pairs("", detail if isinstance(detail, dict) else {"detail": detail})
    yield from _pairs("", rest)
    if data.get("count") is not None:
        yield f"{_value(data['count'])} times"
    if data.get("refused"):
        yield f"refused: {_problem(data['refused'])}"


def _pairs(prefix: str, data: dict[str, Value]) -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, dict) and value:
            yield from _pairs(f"{prefix}{name}.", value)
        elif value is not None and value not in ("", [], {}):
            yield f"{prefix}{name}={_value(value)}"


def _problem(found: Value) -> str:
    """Return why something has failed."""
    if not isinstance(found, dict):
        return _said(found)
    where, why = found.get("where"), _said(found.get("message") or found.get("code"))
    return f"{_said(where)}: {why}" if where else why


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


def _said(value: Value) -> str:
    return "" if value is None else text.value(value)


def _value(value: Value) -> str:
    """Return a value; text with spaces in it is in quotes, as in JSON."""
    if isinstance(value, str) and value and value.isprintable() and " " not in value:
        return value
    return text.quoted(value)
