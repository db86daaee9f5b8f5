"""The three carriers of the contract, and a plugin that came by one of them."""

import io
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from floria.plugins.faults import Fault

if TYPE_CHECKING:
    from floria.plugins.component import Prepared

Blob: TypeAlias = bytes | Path | Callable[[], BinaryIO]
WASM_MAGIC = b"\0asm"
LARGEST_SOURCE = 4 << 20


class Carrier(StrEnum):
    """How a plugin comes: a component, a Python source for the sandbox, or a program."""

    WASM = "wasm"
    PYTHON = "python"
    EXECUTABLE = "executable"


def recognise(name: str, head: bytes) -> Carrier:
    """Return the carrier of a file by its name and first bytes. Raises the fault ``unknown-carrier``."""
    if head.startswith(WASM_MAGIC):
        return Carrier.WASM
    if name.endswith(".py"):
        return Carrier.PYTHON
    if head.startswith((b"#!", b"\x7fELF")):
        return Carrier.EXECUTABLE
    raise Fault("unknown-carrier", f"{name} is no Wasm component, no Python source (.py) and no program")


class Plugin:
    """A loaded plugin, by the digest of its blob; `PluginHost.load` makes it. It is in memory only around calls."""

    def __init__(self, digest: str, carrier: Carrier, blob: Blob, name: str) -> None:
        self.digest, self.carrier, self.name = digest, carrier, name
        self.ahead: deque[Prepared] = deque()
        self.kept = 0
        self._blob = blob
        self._source: tuple[tuple[str, str], ...] | None = None

    @property
    def key(self) -> str:
        """The digest as it stands in file names."""
        return self.digest.removeprefix("sha256:")

    def open(self) -> BinaryIO:
        """Open the blob. Raises the fault ``not-found``."""
        try:
            match self._blob:
                case bytes():
                    return io.BytesIO(self._blob)
                case Path():
                    return self._blob.open("rb")
                case _:
                    return self._blob()
        except OSError as error:
            raise Fault("not-found", f"the blob of plugin {self.name}: {error}") from None

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """Module names and sources for the runner; none for other carriers. Raises the fault ``invalid-source``."""
        if self.carrier is not Carrier.PYTHON:
            return ()
        if self._source is None:
            with self.open() as file:
                content = file.read(LARGEST_SOURCE + 1)
            if len(content) > LARGEST_SOURCE:
                raise Fault("invalid-source", f"{self.name} is larger than {LARGEST_SOURCE} bytes")
            try:
                self._source = (("plugin", content.decode()),)
            except UnicodeDecodeError as error:
                raise Fault("invalid-source", f"{self.name} is not UTF-8 text: {error}") from None
        return self._source

    def __repr__(self) -> str:
        return f"Plugin({self.name!r}, {self.carrier}, {self.digest[:19]}…)"
