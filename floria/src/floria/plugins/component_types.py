"""What the runtime's Python layer knows about types but has no public names for; all of it in this one place.

Lists of bytes are converted in bulk here: the layer itself converts them one element at a time, which costs more than
the rest of a call together (a fresh Python guest asks for 2.5 KB of randomness).
"""

import ctypes
from typing import Any

from wasmtime import _ffi as ffi
from wasmtime.component import _types

_SIZE = ctypes.sizeof(ffi.wasmtime_component_val_t)


def is_result(kind: Any) -> bool:
    """Whether a function returns a ``result``."""
    return isinstance(kind, _types.ResultType)


def is_tagged(kind: Any) -> bool:
    """Whether values of this type are given as ``Variant``s, because their Python types do not tell the cases apart."""
    return isinstance(kind, _types.ResultType) and bool(kind._tagged())


def convert_bytes_in_bulk() -> None:
    """Make lists of bytes fast, for the whole process. Doing it twice is harmless."""
    if _types.ListType.convert_to_c is not _to_c:
        _types.ListType.convert_to_c = _to_c  # type: ignore[assignment,method-assign]
        _types.ListType.convert_from_c = _from_c  # type: ignore[assignment,method-assign]


def _cell(byte: int) -> bytes:
    value = ffi.wasmtime_component_val_t()
    value.kind = ffi.WASMTIME_COMPONENT_U8
    value.of.u8 = byte
    return ctypes.string_at(ctypes.addressof(value), _SIZE)


_CELLS = [_cell(byte) for byte in range(256)]
_OFFSET = next(index for index in range(_SIZE) if _CELLS[0][index] != _CELLS[255][index])
_plain_to_c = _types.ListType.convert_to_c
_plain_from_c = _types.ListType.convert_from_c


def _to_c(self: Any, store: Any, value: Any, pointer: Any) -> None:
    if not (isinstance(value, bytes) and self._is_bytes()):
        _plain_to_c(self, store, value, pointer)
        return
    cells = ffi.wasmtime_component_vallist_t()
    ffi.wasmtime_component_vallist_new_uninit(cells, len(value))
    if value:
        ctypes.memmove(cells.data, b"".join(map(_CELLS.__getitem__, value)), len(value) * _SIZE)
    pointer.contents.kind = ffi.WASMTIME_COMPONENT_LIST
    pointer.contents.of.list = cells


def _from_c(self: Any, value: Any) -> Any:
    if not self._is_bytes():
        return _plain_from_c(self, value)
    size = value.of.list.size
    found = ctypes.string_at(value.of.list.data, size * _SIZE)[_OFFSET::_SIZE] if size else b""
    ffi.wasmtime_component_vallist_delete(ctypes.byref(value.of.list))
    return found
