"""The backup file of a memory store: its whole content as one MessagePack value."""

import contextlib
import os
from pathlib import Path

import msgspec

from floria import codec
from floria.codec import messagepack
from floria.ids import Id
from floria.store.interface import Record, StoreError
from floria.store.memory.state import Row, State

FORMAT = "floria memory backup 1"


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a store."""

    format: str
    entities: list[bytes]
    allocations: list[tuple[str, str, str, int | float]]
    claims: list[tuple[str, str, str]]
    records: list[Record]
    blobs: dict[str, bytes]
    position: int
    recorded: int

    def state(self) -> State:
        """Return the state that was taken."""
        state = State()
        for body in self.entities:
            state.put(Row(codec.unpack(body)))
        for target, name, holder, amount in self.allocations:
            state.allocate(Id(target), name, amount, Id(holder))
        for space, key, holder in self.claims:
            state.claim(space, key, Id(holder))
        state.position, state.recorded = self.position, self.recorded
        return state


def take(state: State, records: list[Record], blobs: dict[str, bytes]) -> Content:
    """Return the content of a store."""
    return Content(
        format=FORMAT,
        entities=[row.body for row in state.rows.values()],
        allocations=[
            (target, name, holder, amount)
            for (target, name), taken in state.allocations.items()
            for holder, amount in taken.items()
        ],
        claims=[(space, key, holder) for space, held in state.claims.items() for key, holder in held.items()],
        records=records,
        blobs=blobs,
        position=state.position,
        recorded=state.recorded,
    )


def write(file: Path, content: Content) -> None:
    """Write a backup, atomically. Raises `StoreError`."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(codec.pack(content))
        partial.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StoreError(f"the backup {file} cannot be written: {error.strerror}") from None


def read(file: Path) -> Content:
    """Read a backup. Raises `StoreError`."""
    try:
        content: Content = _decoder.decode(file.read_bytes())
    except OSError as error:
        raise StoreError(f"the backup {file} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise StoreError(f"{file} is not a backup of a memory store") from None
    if content.format != FORMAT:
        raise StoreError(f"{file} is a {content.format!r}, not a {FORMAT!r}")
    return content


_decoder = msgspec.msgpack.Decoder(Content, ext_hook=messagepack.extension)
