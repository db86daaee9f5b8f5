"""Model structs as JSON: what the server and the client say to each other.

`floria.values.Value` holds bytes and calls, which JSON does not have, so the places of the model where a value stands
cross in Floria's plain form. For every struct a twin is made whose values are plain: it is what is decoded, what
unknown fields are refused against, and what the OpenAPI schemas are made of.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Hashable
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from floria import codec
from floria.codec import plain
from floria.values import Value

T = TypeVar("T")

VALUE_SCHEMA = "#/components/schemas/Value"
PlainValue = Annotated[Any, msgspec.Meta(extra_json_schema={"$ref": VALUE_SCHEMA})]


class Malformed(ValueError):
    """The text is not what was expected; `where` is the path inside it (empty: all of it)."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.where = where


class Form(NamedTuple):
    """How a type crosses: its twin, and the ways there and back."""

    twin: Any
    plain: Callable[[Any], Any]
    restore: Callable[[Any], Any]


def encode(annotation: Any, item: Any) -> bytes:
    """Return `item`, which is of the type `annotation`, as JSON, without the fields that have their default."""
    return msgspec.json.encode(form(annotation).plain(item))


def full(annotation: Any, item: Any) -> Any:
    """Return `item` as plain objects with every field, for people's scripts."""
    return form(annotation, complete=True).plain(item)


def decode(annotation: type[T], data: bytes, *, strict: bool = False) -> T:
    """Return the `annotation` in JSON `data`, or raise `Malformed`. `strict` refuses unknown fields."""
    return restore(annotation, parse(data), strict=strict)


def parse(data: bytes) -> Any:
    """Return the plain objects in JSON `data`, or raise `Malformed`."""
    try:
        return msgspec.json.decode(data)
    except UnicodeDecodeError as error:
        raise Malformed(f"the text is not UTF-8 ({error.reason} at byte {error.start})") from error
    except RecursionError as error:
        raise Malformed("the JSON is nested too deep") from error
    except msgspec.DecodeError as error:
        raise Malformed(str(error)) from error


def restore(annotation: type[T], data: Any, *, strict: bool = False, lax: bool = False) -> T:
    """Return the `annotation` that plain objects stand for, or raise `Malformed`. `lax` takes numbers from text."""
    shape = form(typing.cast(Hashable, annotation), strict=strict)
    try:
        twin = msgspec.convert(data, shape.twin, strict=not lax)
    except RecursionError as error:
        raise Malformed("the content is nested too deep") from error
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        raise Malformed(message, where.rstrip("`").lstrip(".")) from error
    return typing.cast(T, shape.restore(twin))


def form(annotation: Hashable, *, strict: bool = False, complete: bool = False) -> Form:
    """Return how `annotation` crosses. `strict` twins refuse unknown fields, `complete` ones show defaults."""
    return _form(annotation, strict, complete)


@functools.cache
def _form(annotation: Any, strict: bool, complete: bool) -> Form:
    if annotation is Value:
        return Form(PlainValue, codec.to_plain, _value)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return _struct(annotation, strict, complete)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _optional(_form(next(a for a in arguments if a is not type(None)), strict, complete))
    if origin is dict:
        return _map(_form(arguments[1], strict, complete))
    if origin in (list, tuple):
        return _sequence(origin, _form(arguments[0], strict, complete))
    return Form(annotation, _itself, _itself)


def member(field: msgspec.structs.FieldInfo, annotation: Any) -> tuple[str, Any] | tuple[str, Any, Any]:
    """Return the member of a struct to be defined that is like `field`, with the type `annotation`."""
    if field.required:
        return field.name, annotation
    if field.default is msgspec.NODEFAULT:
        factory: Any = field.default_factory
        return field.name, annotation, msgspec.field(default_factory=factory)
    return field.name, annotation, field.default


def _itself(item: Any) -> Any:
    return item


def _optional(inner: Form) -> Form:
    return Form(
        inner.twin | None,
        lambda item: None if item is None else inner.plain(item),
        lambda item: None if item is None else inner.restore(item),
    )


def _map(inner: Form) -> Form:
    return Form(
        dict[str, inner.twin],  # type: ignore[name-defined]
        lambda item: {key: inner.plain(value) for key, value in item.items()},
        lambda item: {key: _inside(key, inner, value) for key, value in item.items()},
    )


def _value(data: Any) -> Value:
    try:
        return codec.from_plain(data)
    except plain.PlainError as error:
        raise Malformed(error.message, plain.spelled(error.path)) from error


def _inside(name: str, form: Form, item: Any) -> Any:
    """Restore what stands under `name`; what is wrong in there is found there."""
    try:
        return form.restore(item)
    except Malformed as error:
        raise Malformed(str(error), f"{name}.{error.where}".rstrip(".")) from error


def _sequence(origin: type, inner: Form) -> Form:
    twin = list[inner.twin] if origin is list else tuple[inner.twin, ...]  # type: ignore[name-defined]
    return Form(
        twin,
        lambda item: [inner.plain(element) for element in item],
        lambda item: origin(inner.restore(element) for element in item),
    )


def _struct(annotation: type[msgspec.Struct], strict: bool, complete: bool) -> Form:
    fields = {
        field.name: (field, _form(_annotation(annotation, field.name), strict, complete))
        for field in msgspec.structs.fields(annotation)
    }
    twin = msgspec.defstruct(
        annotation.__name__,
        [member(field, shape.twin) for field, shape in fields.values()],
        namespace={"__doc__": annotation.__doc__},
        module=annotation.__module__,
        forbid_unknown_fields=strict,
        kw_only=True,
    )

    def to_plain(item: Any) -> dict[str, Any]:
        pairs = ((name, field, shape, getattr(item, name)) for name, (field, shape) in fields.items())
        return {
            name: shape.plain(value)
            for name, field, shape, value in pairs
            if complete or field.required or value != _default(field)
        }

    def restored(item: Any) -> msgspec.Struct:
        return annotation(**{name: _inside(name, shape, getattr(item, name)) for name, (_, shape) in fields.items()})

    return Form(twin, to_plain, restored)


def _annotation(annotation: type, name: str) -> Any:
    return next(found[name] for base in annotation.__mro__ if name in (found := inspect.get_annotations(base)))


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if field.default is msgspec.NODEFAULT else field.default
