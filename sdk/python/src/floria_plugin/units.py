"""The text of unit files and of files like them, as an administrator would have written it (systemd.syntax(7))."""

from collections.abc import Iterable

Setting = tuple[str, str]

_ESCAPES = {chr(code): f"\\x{code:02x}" for code in (*range(1, 32), 127)}
_ESCAPES |= {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "%": "%%"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@")


def text(sections: Iterable[tuple[str, list[Setting]]]) -> str:
    """Return a file with these sections; those without settings are left out."""
    lines = ["# Made by Khutulun. Changes by hand are noticed and shown, and not taken back.", ""]
    for name, content in sections:
        if content:
            lines += [f"[{name}]", *(f"{key}={value}" for key, value in content), ""]
    return "\n".join(lines[:-1]) + "\n"


def argument(word: str) -> str:
    """Return a word of a command line as it stands after the program."""
    return quote(word).replace("$", "$$")


def quote(word: str) -> str:
    """Return text as one word of a setting."""
    if word and _PLAIN.issuperset(word):
        return word
    return '"' + "".join(_ESCAPES.get(character, character) for character in word) + '"'


def span(seconds: float) -> str:
    """Return a time span as people write it."""
    for size, unit_name in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit_name}"
    return f"{round(seconds * 1_000_000)}us" if seconds * 1000 % 1 else f"{round(seconds * 1000)}ms" if seconds else "0"


def changed(old: str, new: str) -> set[str]:
    """Return the names of the settings that differ between two files; comments and order of names are nothing."""
    before, after = settings(old), settings(new)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def settings(content: str) -> dict[str, list[str]]:
    """Return the values of each setting of a file, but not of its sections for others (``X-…``)."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in content.splitlines():
        if line.startswith("["):
            section = line
        elif "=" in line and not line.startswith(("#", ";")) and not section.startswith("[X-"):
            name, _, value = line.partition("=")
            found.setdefault(name.strip(), []).append(value.strip())
    return found
