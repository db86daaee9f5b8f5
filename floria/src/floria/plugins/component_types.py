"""What the runtime's Python layer knows about types but has no public names for; all of it in this one place.

The layer asks for what a type consists of again for each value, and converts lists of bytes one element at a time: both
cost more than the rest of a call together. Here a type is asked once (types do not change), and bytes are converted in
bulk. Which case of a variant a value is, the layer finds out with a set that all threads share; here each type has one.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from wasmtime import _ffi as ffi
from wasmtime.component import Func, FuncType, LinkerInstance, Variant, _enter, _linker, _types

_SIZE = ctypes.sizeof(ffi.wasmtime_component_val_t)

Function = Callable[..., Any]
"""Gets the store and the arguments."""


def is_result(kind: Any) -> bool:
    """Whether a function returns a ``result``."""
    return isinstance(kind, _types.ResultType)


def is_tagged(kind: Any) -> bool:
    """Whether values of this type are given as ``Variant``s, because their Python types do not tell the cases apart."""
    return isinstance(kind, _types.ResultType) and bool(kind._tagged())


def convert_quickly() -> None:
    """Make conversions fast, for the whole process. Doing it twice is harmless."""
    if _types.ListType.convert_to_c is _to_c:
        return
    _types.ListType.convert_to_c = _to_c  # type: ignore[assignment,method-assign]
    _types.ListType.convert_from_c = _from_c  # type: ignore[assignment,method-assign]
    for kind, names in _PARTS:
        for name in names:
            setattr(kind, name, _Once(name, getattr(kind, name).fget))
    _types.VariantLikeType._lowering = _Once("_lowering", _lowering)  # type: ignore[attr-defined]
    _types.VariantLikeType._lower = _lower  # type: ignore[assignment,method-assign]
    Func.type = _type  # type: ignore[method-assign]
    ffi.to_str = _text  # type: ignore[assignment]
    _linker.func_impl = _serve


def add_function(instance: LinkerInstance, name: str, signature: FuncType, function: Function) -> None:
    """Provide a function whose types need not be asked for in each call. It has no resources."""
    served: Any = _Served(signature, function)
    instance.add_func(name, served)


class _Served:
    """A function that a component imports, with its types."""

    def __init__(self, signature: FuncType, function: Function) -> None:
        self.parameters = [kind for _, kind in signature.params]
        self.result = signature.result
        self.function = function


class _Once:
    """A property that is looked up once for each object, which keeps it under its name."""

    def __init__(self, name: str, look: Callable[[Any], Any]) -> None:
        self._name, self._look = name, look

    def __get__(self, of: Any, owner: type) -> Any:
        if of is None:
            return self
        found = of.__dict__[self._name] = self._look(of)
        return found


_PARTS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (_types.FuncType, ("params", "result")),
    (_types.ListType, ("element",)),
    (_types.RecordType, ("fields",)),
    (_types.TupleType, ("elements",)),
    (_types.VariantType, ("cases",)),
    (_types.OptionType, ("payload",)),
    (_types.ResultType, ("ok", "err")),
)


def _lowering(kind: Any) -> tuple[bool, list[tuple[str, Any, tuple[type, ...]]]]:
    """Return whether values are tagged, and of each case its name, its type, and the Python types of its values."""
    cases = []
    for name, inner in kind._cases():
        classes: set[type] = set()
        if inner is not None:
            inner.add_classes(classes)
        cases.append((name, inner, tuple(classes)))
    return kind._tagged(), cases


def _lower(self: Any, store: Any, value: Any) -> tuple[str, Any]:
    tagged, cases = self._lowering
    if tagged and not isinstance(value, Variant):
        raise TypeError("expected Variant type")
    for name, kind, classes in cases:
        if name != value.tag if tagged else not (value is None if kind is None else isinstance(value, classes)):
            continue
        if kind is None:
            return name, None
        raw = ffi.wasmtime_component_val_t()
        kind.convert_to_c(store, value.payload if tagged else value, ctypes.pointer(raw))
        return name, ffi.wasmtime_component_val_new(ctypes.byref(raw))
    raise ValueError("value not valid for this variant")


def _type(self: Any, store: Any) -> FuncType:
    known: FuncType | None = self.__dict__.get("_known_type")
    if known is None:
        known = self._known_type = _plain_type(self, store)
    return known


def _text(bytes: Any) -> str:
    return ctypes.string_at(bytes.data, bytes.size).decode()


@ffi.wasmtime_component_func_callback_t  # type: ignore[untyped-decorator]
def _serve(index: Any, context: Any, kind: Any, given: Any, count: int, results: Any, wanted: int) -> Any:
    served: Any = _linker.FUNCTIONS.get(index or 0)
    if not isinstance(served, _Served):
        return _plain_serve(index, context, kind, given, count, results, wanted)

    def run(store: Any) -> None:
        arguments = [kind.convert_from_c(given[place]) for place, kind in enumerate(served.parameters)]
        result = served.function(store, *arguments)
        if served.result is not None:
            served.result.convert_to_c(store, result, results)

    return _enter.catch_exceptions(context, run)


def _cell(byte: int) -> bytes:
    value = ffi.wasmtime_component_val_t()
    value.kind = ffi.WASMTIME_COMPONENT_U8
    value.of.u8 = byte
    return ctypes.string_at(ctypes.addressof(value), _SIZE)


_CELLS = [_cell(byte) for byte in range(256)]
_OFFSET = next(index for index in range(_SIZE) if _CELLS[0][index] != _CELLS[255][index])
_plain_to_c = _types.ListType.convert_to_c
_plain_from_c = _types.ListType.convert_from_c
_plain_type = Func.type
_plain_serve = _linker.func_impl


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
