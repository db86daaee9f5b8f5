"""What the runtime's Python layer knows about result types, in one place because it has no public names for it."""

from typing import Any

from wasmtime.component._types import ResultType


def is_result(kind: Any) -> bool:
    """Whether a function returns a ``result``."""
    return isinstance(kind, ResultType)


def is_tagged(kind: Any) -> bool:
    """Whether values of this type are given as ``Variant``s, because their Python types do not tell the cases apart."""
    return isinstance(kind, ResultType) and bool(kind._tagged())  # type: ignore[no-untyped-call]
