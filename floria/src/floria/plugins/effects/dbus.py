"""D-Bus method calls, made by running ``busctl``.

``busctl`` and not a client library: it is on every machine that has systemd, so nothing is added to the host's memory;
a call that changes something runs under the same wrapper as any command, so that it survives the death of the host
without being made twice; and the script that is printed for people holds the very command that was run.
"""

import json
from collections.abc import Sequence

from floria.plugins import requests
from floria.plugins.faults import Fault

_TEXTS = frozenset("sog")
_NUMBERS = frozenset("ynqiuxth")
_BUSES = {"system": "--system", "session": "--user"}


def command(request: requests.CallDBus) -> requests.RunCommand:
    """Return the command that makes the call. Raises the fault ``invalid-request``."""
    words: list[str] = []
    rest = request.signature
    for argument in request.arguments:
        if not rest:
            raise Fault("invalid-request", f"more arguments than the signature {request.signature!r} has")
        kind, rest = _first(rest)
        _words(kind, argument, words)
    if rest:
        raise Fault("invalid-request", f"fewer arguments than the signature {request.signature!r} has")
    bus = _BUSES.get(request.bus) or f"--address={request.bus}"
    call = ("call", "--", request.destination, request.path, request.interface, request.member)
    signature = (request.signature, *words) if request.signature else ()
    return requests.RunCommand(argv=("busctl", "--json=short", bus, *call, *signature))


def result(output: requests.Output) -> list[object]:
    """Return what the method returned. Raises the faults ``dbus-error`` and ``protocol``."""
    if output.recorded:
        return []
    if output.status != 0:
        raise Fault("dbus-error", output.stderr.strip() or f"busctl ended with {output.status}")
    if not output.stdout.strip():
        return []
    try:
        data = json.loads(output.stdout)["data"]
    except (ValueError, KeyError, TypeError):
        raise Fault("protocol", "busctl answered with something that is not its JSON") from None
    return list(data) if isinstance(data, list) else [data]


def _first(signature: str) -> tuple[str, str]:
    """Split the first complete type off a signature."""
    if signature[0] == "a":
        if len(signature) == 1:
            raise Fault("invalid-request", "a D-Bus array without the type of its elements")
        element, rest = _first(signature[1:])
        return "a" + element, rest
    if signature[0] in "({":
        depth = 0
        for index, character in enumerate(signature):
            depth += (character in "({") - (character in ")}")
            if depth == 0:
                return signature[: index + 1], signature[index + 1 :]
        raise Fault("invalid-request", f"the signature {signature!r} is not closed")
    return signature[0], signature[1:]


def _words(kind: str, value: object, words: list[str]) -> None:
    if kind in _TEXTS and isinstance(value, str):
        words.append(value)
    elif kind == "b" and isinstance(value, bool):
        words.append("true" if value else "false")
    elif kind in _NUMBERS and isinstance(value, int) and not isinstance(value, bool):
        words.append(str(value))
    elif kind == "d" and isinstance(value, int | float):
        words.append(repr(float(value)))
    elif kind == "v" and isinstance(value, dict) and set(value) == {"type", "data"}:
        words.append(str(value["type"]))
        _words(str(value["type"]), value["data"], words)
    elif kind.startswith("a{") and isinstance(value, dict):
        key, item = _first(kind[2:-1])
        words.append(str(len(value)))
        for name, content in value.items():
            _words(key, name, words)
            _words(item, content, words)
    elif kind.startswith("a") and isinstance(value, list | tuple):
        words.append(str(len(value)))
        for item in value:
            _words(kind[1:], item, words)
    elif kind.startswith("(") and isinstance(value, list | tuple):
        _struct(kind[1:-1], value, words)
    else:
        raise Fault("invalid-request", f"{value!r} does not fit the D-Bus type {kind!r}")


def _struct(kinds: str, values: Sequence[object], words: list[str]) -> None:
    for value in values:
        if not kinds:
            raise Fault("invalid-request", "a D-Bus structure has more fields than its type")
        kind, kinds = _first(kinds)
        _words(kind, value, words)
    if kinds:
        raise Fault("invalid-request", "a D-Bus structure has fewer fields than its type")
