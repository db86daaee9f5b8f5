"""Keeps the values of secrets out of journals, logs and plans."""

import msgspec

from floria.plugins.requests import Request

SHORTEST = 4


class Redaction:
    """Replaces the secrets that were handed out by ``<secret NAME>``.

    Values shorter than four characters are not looked for: they would be found everywhere.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        for part in {value, value.strip()}:
            if len(part) >= SHORTEST:
                self._names[part] = name

    def text(self, text: str) -> str:
        for value in sorted(self._names, key=len, reverse=True):
            text = text.replace(value, f"<secret {self._names[value]}>")
        return text

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
