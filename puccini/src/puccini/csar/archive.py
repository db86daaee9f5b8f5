"""An archive that was opened: its files, what it says about itself, where its definitions begin (section 17).

Opening reads the index and refuses what is hostile or is no CSAR; contents are checked when they are read, all of them
by `puccini.csar.verification`. Used by the command lines, by the compiler (through `ArchiveSource`) and by
orchestrators.
"""

import hashlib
import io
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from puccini.csar import container, limits, meta, plugins, tars, zips
from puccini.csar.container import Container, Entry
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.formats import Format
from puccini.csar.limits import Limits
from puccini.csar.meta import Meta
from puccini.csar.plugins import PluginFile

YAML_SUFFIXES = (".yaml", ".yml")


class Archive:
    """An open CSAR.

    `entry` is the file that definitions begin with, `others` those that hold substitution candidates, `plugins` the
    plugins by name, `entries` every file by name. Safe to read from several threads.
    """

    def __init__(self, name: str, form: Format, content: Container, limits: Limits) -> None:
        self.name, self.format, self._content = name, form, content
        self.entries: Mapping[str, Entry] = content.entries
        self.meta: Meta | None = self._read_meta(limits)
        self.entry = self._find_entry()
        self.others: tuple[str, ...] = self.meta.others if self.meta else ()
        self.plugins: Mapping[str, PluginFile] = plugins.find(self.entries)

    @property
    def version(self) -> str:
        """The CSAR version; without ``TOSCA.meta`` the one that goes with TOSCA 2.0 (section 17.3)."""
        return self.meta.version if self.meta else meta.VERSION

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file. Raises `ArchiveError` at the end when it is damaged."""
        if name not in self.entries:
            raise ArchiveError(
                Refusal.MISSING, f"the archive holds no file {name!r}", entry=name, hint=self._near(name)
            )
        return self._content.chunks(name)

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        return b"".join(self.chunks(name))

    def digest(self, name: str) -> str:
        """Return the digest of a file as Floria writes it: ``sha256:`` and 64 hexadecimal digits."""
        hasher = hashlib.sha256()
        for chunk in self.chunks(name):
            hasher.update(chunk)
        return f"sha256:{hasher.hexdigest()}"

    def close(self) -> None:
        """Give the file back."""
        self._content.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _read_meta(self, limits: Limits) -> Meta | None:
        present = [place for place in meta.PLACES if place in self.entries]
        if len(present) > 1:
            raise ArchiveError(
                Refusal.META,
                f"the archive holds two of them: {' and '.join(present)}",
                entry=present[1],
                hint="keep one of them",
            )
        if not present:
            return None
        if self.entries[present[0]].size > limits.meta:
            raise ArchiveError(Refusal.TOO_LARGE, f"the file is larger than {limits.meta} bytes", entry=present[0])
        return meta.parse(self.read(present[0]), present[0])

    def _find_entry(self) -> str:
        if self.meta is not None and self.meta.entry is not None:
            self._require_definitions()
            return self.meta.entry
        root = sorted(name for name in self.entries if "/" not in name and name.endswith(YAML_SUFFIXES))
        if len(root) == 1:
            if self.meta is not None:
                self._require_definitions()
            return root[0]
        found = f"{len(root)} YAML files at its root: {', '.join(root)}" if root else "no YAML file at its root"
        raise ArchiveError(
            Refusal.ENTRY,
            f"the archive does not say where its definitions begin, and has {found}",
            hint="name the file in TOSCA.meta (Entry-Definitions: …), or have exactly one YAML file at the root",
        )

    def _require_definitions(self) -> None:
        assert self.meta is not None
        for name in (self.meta.entry, *self.meta.others):
            if name is not None and name not in self.entries:
                raise ArchiveError(
                    Refusal.MISSING,
                    f"the archive holds no file {name!r}, which is named here",
                    entry=self.meta.place,
                    hint=self._near(name),
                )

    def _near(self, name: str) -> str:
        base = posixpath.basename(name).casefold()
        near = [other for other in sorted(self.entries) if posixpath.basename(other).casefold() == base]
        return f"there is {', '.join(near[:3])}" if near else "names are relative to the root of the archive"


def open(source: bytes | Path | BinaryIO, *, name: str = "", limits: Limits = limits.DEFAULT) -> Archive:
    """Open an archive given as its content, its path or a seekable file, which it takes over; `name` is for messages.

    The format is known by the content. Raises `ArchiveError`; then nothing is left open.
    """
    file = _file(source)
    try:
        form = container.recognise(file)
        content: Container
        if form is Format.ZIP:
            content = zips.ZipContainer(file, limits)
        else:
            content = tars.TarContainer(file, limits, gzipped=form is Format.TAR_GZ)
    except OSError as error:
        file.close()
        message = f"cannot be read: {error.strerror or error}"
        hint = "check the file, and the space for temporary files"
        raise ArchiveError(Refusal.UNREADABLE, message, hint=hint) from error
    except BaseException:
        file.close()
        raise
    try:
        return Archive(name or _name(source), form, content, limits)
    except BaseException:
        content.close()
        raise


def _file(source: bytes | Path | BinaryIO) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, Path):
        return source
    try:
        return source.open("rb")
    except OSError as error:
        raise ArchiveError(
            Refusal.UNREADABLE, f"{source}: {error.strerror or error}", hint="check the path and its permissions"
        ) from error


def _name(source: bytes | Path | BinaryIO) -> str:
    return str(source) if isinstance(source, Path) else "archive"
