"""The names that entries may have: relative, plain, inside the archive, and all different even where case is ignored.

Called by both container readers for every entry before anything else is done with it, and by the writer.
"""

import re
import unicodedata

from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.limits import Limits

_DRIVE = re.compile(r"[A-Za-z]:")
_DIRECTION = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def decode(raw: bytes) -> str:
    """Return the name, which is UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        shown = raw.decode(errors="backslashreplace")
        raise ArchiveError(
            Refusal.NAME,
            f"the name {shown!r} is not UTF-8",
            hint="rename the file, or pack it with a tool that writes UTF-8 names",
        ) from error


def normal(name: str, limits: Limits) -> str:
    """Return `name` without a leading ``./`` and a trailing ``/``; the root itself is the empty text.

    Raises `ArchiveError` for a name that leaves the archive or that cannot be one file's name everywhere.
    """
    _refuse_escape(name)
    _refuse_characters(name)
    while name.startswith("./"):
        name = name[2:]
    name = name.removesuffix("/")
    if name in ("", "."):
        return ""
    segments = name.split("/")
    if ".." in segments:
        raise _bad(Refusal.ESCAPE, name, "leads out of the archive through '..'")
    if "" in segments or "." in segments:
        raise _bad(Refusal.NAME, name, "holds an empty or '.' segment")
    if len(segments) > limits.depth:
        raise _bad(Refusal.NAME, name, f"is nested {len(segments)} folders deep; {limits.depth} are allowed")
    if len(name.encode()) > limits.name or any(len(segment.encode()) > limits.segment for segment in segments):
        raise _bad(
            Refusal.NAME, name, f"is too long; {limits.name} bytes, {limits.segment} in one segment, are allowed"
        )
    return name


def _refuse_escape(name: str) -> None:
    if name.startswith("/") or _DRIVE.match(name):
        raise _bad(Refusal.ESCAPE, name, "is absolute; names are relative to the root of the archive")
    if "\\" in name:
        raise _bad(Refusal.ESCAPE, name, "holds a backslash, which some systems take for a separator")


def _refuse_characters(name: str) -> None:
    for character in name:
        if unicodedata.category(character) in _REFUSED_CATEGORIES or character in _DIRECTION:
            raise _bad(Refusal.NAME, name, f"holds the control character U+{ord(character):04X}")


def _bad(refusal: Refusal, name: str, why: str) -> ArchiveError:
    shown = name if len(name) <= 120 else f"{name[:100]}…{name[-16:]}"
    return ArchiveError(
        refusal, f"the name {shown!r} {why}", hint="the archive is refused whole; rename the entry and pack it again"
    )


class Register:
    """The names seen so far. Refuses a second one that is, or may somewhere be, the same file."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._count = 0

    def add(self, name: str, *, folder: bool) -> None:
        """Note an entry whose `name` is normal."""
        self._count += 1
        if self._count > self._limits.entries:
            raise ArchiveError(
                Refusal.TOO_MANY,
                f"the archive holds more than {self._limits.entries} entries",
                hint="put what belongs together into one artifact file",
            )
        if not name:
            return
        for end in (position for position, character in enumerate(name) if character == "/"):
            self._add_folder(name[:end])
        if folder:
            self._add_folder(name)
        else:
            self._add_file(name)

    def _add_file(self, name: str) -> None:
        key = _key(name)
        if (other := self._files.get(key, self._folders.get(key))) is not None:
            raise _collision(name, other)
        self._files[key] = name

    def _add_folder(self, name: str) -> None:
        key = _key(name)
        if (file := self._files.get(key)) is not None:
            raise _collision(name, file)
        other = self._folders.setdefault(key, name)
        if other != name:
            raise _collision(name, other)


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _collision(name: str, other: str) -> ArchiveError:
    if name == other:
        return ArchiveError(Refusal.DUPLICATE, f"the name {name!r} is there twice", hint="keep one of them")
    return ArchiveError(
        Refusal.DUPLICATE,
        f"the names {other!r} and {name!r} differ only in case or Unicode form",
        hint="they are one file on some systems; rename one of them",
    )
