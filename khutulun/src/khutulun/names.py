"""The names that realised things carry, so that people and everyday tools find them.

Used wherever something is realised on a host: unit ``khutulun-SERVICE-NODE-N.service``, container, machine and domain
``SERVICE-NODE-N``, labels ``khutulun.service`` and ``khutulun.node``.
"""

import hashlib
import re

from floria.values import Value

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
MAX_SERVICE = 63
MAX_REALISED = 160
"""Characters of a realised name, without its index: with what tools put around it, it fits into a file's name (255)."""
_DIGITS = 16


def is_service_name(name: str) -> bool:
    """Whether a service may be called so: letters, digits, ``_.-``, at most 63, a letter or digit first."""
    return len(name) <= MAX_SERVICE and _SERVICE.match(name) is not None


def safe(name: str) -> str:
    """Return `name` with each character that not every tool takes written as ``_uHEX_``."""
    return _UNSAFE.sub(lambda match: f"_u{ord(match[0]):x}_", name)


def realised(service: str, node: str, index: int) -> dict[str, Value]:
    """Return the names of one representation of a node."""
    machine = f"{_fitting(f'{safe(service)}-{safe(node)}')}-{index}"
    return {
        "unit": f"khutulun-{machine}.service",
        "machine": machine,
        "labels": {"khutulun.service": service, "khutulun.node": node},
    }


def _fitting(name: str) -> str:
    """Return `name`, or when it is too long its beginning and a digest of the whole."""
    if len(name) <= MAX_REALISED:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
    return f"{name[: MAX_REALISED - _DIGITS - 1]}-{digest}"


def representation(node: str, index: int, count: int) -> str:
    """Return how users address one of `count` representations: ``web``, or ``web-1`` when there are several."""
    return node if count == 1 else f"{node}-{index}"
