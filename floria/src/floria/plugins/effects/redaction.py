"""Keeps the values of secrets out of journals, logs and plans."""

import base64
import urllib.parse

import msgspec

from floria.plugins.requests import Request

SHORTEST = 4
LINE = 16


class Redaction:
    """Replaces the secrets that were handed out by ``<secret NAME>``.

    They are found as they are, as parts of JSON texts and URLs, in base64, and line by line where a line is long enough
    to be told from others. Values shorter than four characters are not looked for: they would be found everywhere.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self.was_told = False

    def add(self, name: str, value: str) -> None:
        self.was_told = True
        for part in _forms(value):
            if len(part) >= SHORTEST:
                self._names.setdefault(part, name)

    def text(self, text: str) -> str:
        for value in sorted(self._names, key=len, reverse=True):
            text = text.replace(value, f"<secret {self._names[value]}>")
        return text

    def holds(self, data: object) -> bool:
        """Whether there is a secret anywhere in JSON data."""
        return bool(self._names) and self.data(data) != Redaction().data(data)

    def data(self, data: object) -> object:
        """Return JSON data with its texts, keys included, redacted."""
        match data:
            case str():
                return self.text(data)
            case list() | tuple():
                return [self.data(item) for item in data]
            case dict():
                return {self.text(str(key)): self.data(value) for key, value in data.items()}
            case _:
                return data

    def request(self, request: Request) -> Request:
        if not self._names:
            return request
        return msgspec.convert(self.data(msgspec.to_builtins(request)), type(request))


def _forms(value: str) -> set[str]:
    found = {value, value.strip()}
    found |= {line.strip() for line in value.splitlines() if len(line.strip()) >= LINE}
    found |= {msgspec.json.encode(one).decode()[1:-1] for one in tuple(found)}
    found |= {urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value)}
    found.add(base64.b64encode(value.encode()).decode())
    return found
