"""Effects as people read them: commands as they are typed, files by what happens to them."""

import shlex
from collections.abc import Iterable

from floria.values import Value
from khutulun import model
from khutulun.cli import text


def line(effect: model.Effect) -> str:
    """Return what was or will be done, on one line."""
    request = effect.request
    path = _text(request, "path")
    match effect.kind:
        case "command.run":
            stdin = f" < ({_size(request, 'stdin')} of input)" if request.get("stdin") else ""
            return text.clean(shlex.join(map(str, _items(request.get("argv"))))) + stdin
        case "files.write":
            return f"write {path} ({_size(request, 'content')}){_mode(request)}"
        case "files.make-folder":
            return f"make the folder {path}{_mode(request)}"
        case "files.remove":
            return f"remove {path}"
        case "dbus.call":
            return f"call {_text(request, 'interface')}.{_text(request, 'member')} at {path}"
        case "http.send":
            return f"{_text(request, 'method')} {_text(request, 'url')}"
        case _:
            return f"{effect.kind} {text.value(request)}"


def outcome(effect: model.Effect) -> str:
    """Return how it went: nothing when it went well, or is not known."""
    result = effect.outcome.get("result")
    if isinstance(result, dict) and result.get("status") not in (None, 0):
        return f"exit code {text.value(result['status'])}"
    failed = effect.outcome.get("fault")
    if failed:
        return text.value(failed)
    status = effect.outcome.get("status")
    return "" if status in (None, "done") else text.value(status)


def grouped(effects: Iterable[model.Effect]) -> list[str]:
    """Return effects in order, under a line for each operation."""
    lines: list[str] = []
    before = ""
    for effect in effects:
        head = f"{effect.node}: {effect.operation} on {effect.host}"
        if head != before:
            lines.append(text.clean(head))
            before = head
        lines.append(f"  {'' if effect.change else '(query) '}{line(effect)}")
    return lines


def _text(request: dict[str, Value], name: str) -> str:
    return text.value(request.get(name))


def _size(request: dict[str, Value], name: str) -> str:
    return f"{len(str(request.get(name, '')).encode())} bytes"


def _items(argv: Value) -> list[Value]:
    return argv if isinstance(argv, list) else [argv]


def _mode(request: dict[str, Value]) -> str:
    mode = request.get("mode")
    return f", mode {mode:o}" if isinstance(mode, int) else ""
