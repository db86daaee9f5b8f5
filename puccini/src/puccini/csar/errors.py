"""Why an archive is refused. Raised by everything in `puccini.csar`, shown by both command lines and by servers."""

from enum import StrEnum


class Refusal(StrEnum):
    """What is wrong with an archive. The names are stable; messages are not."""

    NOT_AN_ARCHIVE = "not-an-archive"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    ENCRYPTED = "encrypted"
    UNSUPPORTED = "unsupported"
    ESCAPE = "path-escape"
    NAME = "bad-name"
    DUPLICATE = "duplicate"
    LINK = "link"
    DEVICE = "special-file"
    TOO_LARGE = "too-large"
    RATIO = "compression-bomb"
    TOO_MANY = "too-many-entries"
    META = "meta"
    ENTRY = "entry-definitions"
    PLUGIN = "plugin"
    DIGEST = "digest"
    SIGNATURE = "signature"
    MISSING = "missing"
    TARGET = "target"


class ArchiveError(Exception):
    """An archive, or what it is to be made of, is refused. Nothing was changed.

    `entry` is the name inside the archive as far as one is known, `line` the line of ``TOSCA.meta``, `hint` what to do.
    """

    def __init__(
        self, refusal: Refusal, message: str, *, entry: str | None = None, line: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message)
        self.refusal, self.message, self.entry, self.line, self.hint = refusal, message, entry, line, hint

    def __str__(self) -> str:
        place = "" if self.entry is None else f"{self.entry}: " if self.line is None else f"{self.entry}:{self.line}: "
        return place + self.message
