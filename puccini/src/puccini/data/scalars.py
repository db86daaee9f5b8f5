"""TOSCA scalars: a number, a blank, a unit (section 9.1.2.2)."""

import re
from collections.abc import Iterable, Mapping

from puccini import yaml

_FREE = re.compile(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z]+)\Z")


def split(text: str) -> tuple[int | float, str]:
    """Return the number and the unit of `text`. Raises `ValueError`."""
    parts = text.split()
    if len(parts) != 2:
        raise ValueError(f"{text!r} is not a number, a blank and a unit")
    number = yaml.scalar(parts[0])
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"{parts[0]!r} in {text!r} is not a number")
    return number, parts[1]


def split_freely(text: str) -> tuple[int | float, str]:
    """Return the number and the unit of `text` as TOSCA 1.x has them, where no blank is needed. Raises `ValueError`."""
    match = _FREE.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a number and a unit")
    return split(f"{match[1]} {match[2]}")


def spelt(unit: str, known: Iterable[str]) -> str:
    """Return the one of the `known` units that `unit` is, whatever the case of its letters; itself when it is none."""
    units = list(known)
    if unit in units:
        return unit
    return next((one for one in units if one.casefold() == unit.casefold()), unit)


def canonical(number: int | float, multiplier: int | float, whole: bool) -> int | float:
    """Return `number` of a unit in the canonical unit; an integer when `whole`."""
    product = number * multiplier
    if whole:
        return int(product)
    if isinstance(number, float) and isinstance(multiplier, float):
        return float(f"{product:.15g}")
    return float(product)


def units(names: Mapping[str, int | float], prefixes: Mapping[str, int | float] | None) -> dict[str, int | float]:
    """Return all units with their multipliers, each of `names` with each of `prefixes`."""
    if not prefixes:
        return dict(names)
    return {
        prefix + unit: factor * multiplier for unit, factor in names.items() for prefix, multiplier in prefixes.items()
    }
