"""Lists and maps: membership (sections 10.2.2.2.6 and 10.2.2.3) and sets (section 10.2.4).

Entries are equal as ``$equal`` sees them, scalars and timestamps by what they mean; values of different types are not
equal here, which is no error. Sets keep the order in which entries were first met.
"""

from collections.abc import Callable, Hashable, Mapping

from floria.evaluation import Context, Function
from floria.values import Value
from puccini.functions import arguments as given
from puccini.functions import operands
from puccini.functions.operands import Operand


def valid_values(context: Context, arguments: list[Value]) -> Value:
    """``$valid_values``."""
    value, values = operands.evaluated(context, "valid_values", arguments)
    given.items("valid_values", values.value, 2)
    return value.key() in _keys(values, value)


def has_entry(context: Context, arguments: list[Value]) -> Value:
    """``$has_entry``: a value of a list or a map."""
    container, entry = operands.evaluated(context, "has_entry", arguments)
    _container("has_entry", container)
    return entry.key(container.entry_schema) in _keys(container, entry)


def has_all_entries(context: Context, arguments: list[Value]) -> Value:
    """``$has_all_entries``."""
    wanted, present = _entries(context, "has_all_entries", arguments)
    return wanted <= present


def has_any_entry(context: Context, arguments: list[Value]) -> Value:
    """``$has_any_entry``."""
    wanted, present = _entries(context, "has_any_entry", arguments)
    return bool(wanted & present)


def has_key(context: Context, arguments: list[Value]) -> Value:
    """``$has_key``."""
    container, key = given.evaluated(context, "has_key", arguments)
    return given.text("has_key", key, 2) in given.entries("has_key", container, 1)


def has_all_keys(context: Context, arguments: list[Value]) -> Value:
    """``$has_all_keys``."""
    container, keys = given.evaluated(context, "has_all_keys", arguments)
    present = given.entries("has_all_keys", container, 1)
    return all(isinstance(key, str) and key in present for key in given.items("has_all_keys", keys, 2))


def has_any_key(context: Context, arguments: list[Value]) -> Value:
    """``$has_any_key``."""
    container, keys = given.evaluated(context, "has_any_key", arguments)
    present = given.entries("has_any_key", container, 1)
    return any(isinstance(key, str) and key in present for key in given.items("has_any_key", keys, 2))


def contains(context: Context, arguments: list[Value]) -> Value:
    """``$contains``: a part of a string, or an uninterrupted part of a list."""
    return _part(context, "contains", arguments, lambda whole, part: part in whole, _within)


def has_prefix(context: Context, arguments: list[Value]) -> Value:
    """``$has_prefix``."""
    return _part(context, "has_prefix", arguments, str.startswith, lambda whole, part: whole[: len(part)] == part)


def has_suffix(context: Context, arguments: list[Value]) -> Value:
    """``$has_suffix``."""
    return _part(
        context, "has_suffix", arguments, str.endswith, lambda whole, part: whole[len(whole) - len(part) :] == part
    )


def union(context: Context, arguments: list[Value]) -> Value:
    """``$union``: every entry once."""
    found: dict[Hashable, Value] = {}
    for position, operand in enumerate(operands.evaluated(context, "union", arguments), 1):
        for key, item in zip(_sequence(operand), given.items("union", operand.value, position), strict=True):
            found.setdefault(key, item)
    return list(found.values())


def intersection(context: Context, arguments: list[Value]) -> Value:
    """``$intersection``: what is in every list, once."""
    lists = operands.evaluated(context, "intersection", arguments)
    for position, operand in enumerate(lists, 1):
        given.items("intersection", operand.value, position)
    found = dict(zip(_sequence(lists[0]), given.items("intersection", lists[0].value, 1), strict=True))
    for other in lists[1:]:
        keys = set(_sequence(other))
        found = {key: item for key, item in found.items() if key in keys}
    return list(found.values())


def _part(
    context: Context,
    function: str,
    arguments: list[Value],
    of_text: Callable[[str, str], bool],
    of_list: Callable[[list[Hashable], list[Hashable]], bool],
) -> bool:
    whole, part = operands.evaluated(context, function, arguments)
    if isinstance(whole.value, str):
        return of_text(whole.value, given.text(function, part.value, 2))
    if not isinstance(whole.value, list):
        raise given.wrong(function, whole.value, 1, "a string or a list")
    given.items(function, part.value, 2)
    first, second = _sequence(whole, part), _sequence(part, whole)
    return len(second) <= len(first) and of_list(first, second)


def _within(whole: list[Hashable], part: list[Hashable]) -> bool:
    return any(whole[start : start + len(part)] == part for start in range(len(whole) - len(part) + 1))


def _entries(context: Context, function: str, arguments: list[Value]) -> tuple[set[Hashable], set[Hashable]]:
    container, entries = operands.evaluated(context, function, arguments)
    _container(function, container)
    given.items(function, entries.value, 2)
    return set(_sequence(entries, container)), set(_sequence(container, entries))


def _container(function: str, operand: Operand) -> None:
    if not isinstance(operand.value, list | dict):
        raise given.wrong(function, operand.value, 1, "a list or a map")


def _keys(container: Operand, entry: Operand) -> set[Hashable]:
    return set(_sequence(container, schema=entry.schema))


def _sequence(
    container: Operand, other: Operand | None = None, schema: operands.Schema | None = None
) -> list[Hashable]:
    """Return the keys of all entries, as their own schema, or else that of what they are compared with, says."""
    own = container.entry_schema or (other.entry_schema if other else None) or schema
    return [operands.key(item, own) for item in container.items()]


FUNCTIONS: Mapping[str, Function] = {
    "valid_values": valid_values,
    "has_entry": has_entry,
    "has_all_entries": has_all_entries,
    "has_any_entry": has_any_entry,
    "has_key": has_key,
    "has_all_keys": has_all_keys,
    "has_any_key": has_any_key,
    "contains": contains,
    "has_prefix": has_prefix,
    "has_suffix": has_suffix,
    "union": union,
    "intersection": intersection,
}
