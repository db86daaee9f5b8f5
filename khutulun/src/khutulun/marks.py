"""How a secret stands in data until a driver needs it: a text that names it and says for whom it was written.

The conductor writes marks where a design says ``$secret``, and keeps nothing else; an agent puts the value in its place
while an operation runs (`khutulun.agent.secrets`). The tag makes sure that a text which only looks like a mark, or
comes from elsewhere, gets nobody a secret.
"""

import re
from collections.abc import Iterator

import msgspec

MARK = re.compile(r"<secret ([A-Za-z0-9][A-Za-z0-9._-]{0,126}) ([0-9a-f]{24})>")
_BEGIN = b"<secret "


def write(name: str, tag: str) -> str:
    """Return the mark of a secret."""
    return f"<secret {name} {tag}>"


def may_be_in(data: object) -> bool:
    """Whether it is worth while to look for marks in JSON data: in most there are none."""
    return _BEGIN in msgspec.json.encode(data)


def find(data: object) -> Iterator[tuple[str, str]]:
    """Yield (name, tag) of the marks in JSON data, and in keys of it."""
    match data:
        case str():
            yield from MARK.findall(data)
        case list() | tuple():
            for item in data:
                yield from find(item)
        case dict():
            for key, value in data.items():
                yield from find(str(key))
                yield from find(value)
