"""What is wrong with a TOSCA file: where, why and what to do. Every stage of the pipeline reports here.

A stage never stops at the first problem: it reports and goes on with what can still be understood, so one run gives all
independent errors. `Report` collects, `Report.sorted` gives them in reading order, `puccini.rendering` prints them.
"""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from puccini import former

if TYPE_CHECKING:
    from puccini import extents
    from puccini.nodes import Node


_MANY: Final = 250
"""Of more names than that, only those of about its length that begin or end alike are compared with a wrong one."""

_MOST: Final = 5_000
"""No more names than that are looked at: what one mistake costs has a bound, however many names there are."""


class Severity(StrEnum):
    """Whether a file can be used in spite of the problem."""

    ERROR = "error"
    WARNING = "warning"


class Related(NamedTuple):
    """Another place that has to do with a problem, such as the first of two definitions."""

    message: str
    file: str
    line: int
    column: int


class Diagnostic(NamedTuple):
    """One problem. `code` is stable; lines and columns count from 1, the end is exclusive; `path` names the object.

    `line` is 0 when the problem is with a file as a whole. `imports` is how the file came to be read: the import that
    asked for it first, then the one that asked for the file of that import, and so on up to the file that was named.
    """

    code: str
    message: str
    file: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    path: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR
    related: tuple[Related, ...] = ()
    imports: tuple[Related, ...] = ()

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.severity}: {self.message} [{self.code}]"

    def plain(self) -> dict[str, Any]:
        """Return what is in this as data, by name."""
        places = {"related": self.related, "imports": self.imports}
        found = {name: [one._asdict() for one in places] for name, places in places.items()}
        return {**self._asdict(), "severity": self.severity.value, **found}


class Report:
    """Collects diagnostics. With `strict`, what would be a warning is an error.

    `origins` has for each file the import that it was first read for, `files` the order in which they were read; what
    is said of others comes after what is said of these. `owner` is the template on whose behalf reports
    are made, as ``SECTION/NAME``; only a report that `keeps` what was said by whom has a use for it.
    """

    keeps = False

    def __init__(self, strict: bool = False, origins: "Mapping[str, Node] | None" = None) -> None:
        self.strict = strict
        self.owner = ""
        self.origins: dict[str, Node] = dict(origins or {})
        self.files: list[str] = []
        self._seen: dict[tuple[str, str, int, int, str], Diagnostic] = {}
        self._texts: dict[str, list[str]] = {}

    def error(
        self, code: str, message: str, node: "Node", hint: str = "", *, key: bool = False, related: "Node | None" = None
    ) -> None:
        """Report an error at `node`, or at its key when `key` is true."""
        if code not in node.document.allowed:
            self._place(self._at(code, message, node, hint, Severity.ERROR, key=key, related=related), node)

    def warn(
        self, code: str, message: str, node: "Node", hint: str = "", *, key: bool = False, related: "Node | None" = None
    ) -> None:
        """Report something that is accepted although the Standard says otherwise; an error when strict."""
        if code in node.document.allowed:
            return
        severity = Severity.ERROR if self.strict else Severity.WARNING
        self._place(self._at(code, message, node, hint, severity, key=key, related=related), node)

    def _place(self, diagnostic: Diagnostic, node: "Node") -> None:
        """Add `diagnostic` about `node`, in the words of the version of TOSCA that its file is written in."""
        reword = getattr(node.document, "reword", None)
        found = diagnostic if reword is None else reword(diagnostic, node, strict=self.strict)
        if found is not None:
            self.add(found)

    def add(self, diagnostic: Diagnostic) -> None:
        """Add `diagnostic` unless the same is already there (a file may be reached in several ways)."""
        identity = (diagnostic.code, diagnostic.file, diagnostic.line, diagnostic.column, diagnostic.message)
        self._seen.setdefault(identity, diagnostic)

    def imported(self, file: str, by: "Node") -> None:
        """Note that the import `by` is why `file` was read; only the first time counts."""
        self.origins.setdefault(file, by)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._seen.values())

    def __len__(self) -> int:
        return len(self._seen)

    @property
    def failed(self) -> bool:
        """Whether there is any error."""
        return has_errors(self)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return the diagnostics by file, line and column, the files in the order in which they were read."""
        present = {d.file: None for d in self}
        read = (file for file in self.files if file in present)
        files = {file: order for order, file in enumerate(dict.fromkeys((*read, *present)))}
        found = sorted(self, key=lambda d: (files[d.file], d.line, d.column, d.code, d.message))
        chains = {file: self._chain(file) for file in files}
        return tuple(d._replace(imports=chains[d.file]) if chains[d.file] else d for d in found)

    def _chain(self, file: str) -> tuple[Related, ...]:
        chain: list[Related] = []
        seen = {file}
        while (by := self.origins.get(file)) is not None:
            chain.append(_related("imported by", by))
            file = by.file
            if file in seen:
                break
            seen.add(file)
        return tuple(chain)

    def _at(
        self, code: str, message: str, node: "Node", hint: str, severity: Severity, *, key: bool, related: "Node | None"
    ) -> Diagnostic:
        start, end = self._extent(node, key=key)
        return Diagnostic(
            code=code,
            message=message,
            file=node.file,
            line=start.line + 1,
            column=start.column + 1,
            end_line=end.line + 1,
            end_column=end.column + 1,
            path=node.path,
            hint=hint,
            severity=severity,
            related=(_related("see also", related),) if related is not None else (),
        )

    def _extent(self, node: "Node", *, key: bool) -> "extents.Extent":
        from puccini import extents

        if not key and node.start.line == node.end.line:
            return node.start, node.end
        text = self._texts.get(node.file)
        if text is None:
            text = self._texts[node.file] = extents.lines(node.document.data)
        return extents.key(node, text) if key else extents.value(node, text)


class Failed(Exception):
    """A stage cannot go on; `diagnostics` say why."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.diagnostics = tuple(diagnostics)


def _related(message: str, node: "Node") -> Related:
    place = node.key_range[0]
    return Related(message, node.file, place.line + 1, place.column + 1)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of `diagnostics` is an error."""
    return any(d.severity is Severity.ERROR for d in diagnostics)


def mistaken(name: str, written: Iterable[object]) -> bool:
    """Whether one of the names that were `written`, none of which is known, looks as if `name` was meant."""
    names = [one for one in written if isinstance(one, str)]
    if not names:
        return False
    import difflib

    return bool(difflib.get_close_matches(name, names[:_MANY], n=1, cutoff=0.6))


def unread(node: "Node", key: str, keynames: Collection[str]) -> bool:
    """Whether the keyname `key` of a construct is there but means nothing, or seems to be there under a wrong name."""
    if not isinstance(node.value, dict):
        return False
    return key in node.value or seems(key, node.value, keynames)


def seems(key: str, written: Collection[object], keynames: Collection[str]) -> bool:
    """Whether the keyname `key` seems to be among those `written`, under a wrong name or that of TOSCA 1.x."""
    unknown = [one for one in written if isinstance(one, str) and one not in keynames]
    return mistaken(key, unknown) or any(former.renamed(one, keynames) == key for one in unknown)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names what `name` may have been meant to be, or lists the few that there are."""
    import difflib

    names = [k for k in itertools.islice(known, _MOST) if isinstance(k, str)]
    if len(names) > _MANY:
        ends, lengths = (name[:1], name[-1:]), range(len(name) - 2, len(name) + 3)
        names = [k for k in names if len(k) in lengths and (k[:1] == ends[0] or k[-1:] == ends[1])][:_MANY]
    names = sorted(set(names))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if 0 < len(names) <= 8:
        return "known are: " + ", ".join(names)
    return ""
