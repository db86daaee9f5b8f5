"""How much an archive may ask for. Every reader takes a `Limits`, so that an operator may set others."""

import msgspec

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes, counts and lengths. `ratio` (unpacked to packed) counts only once more than `ratio_floor` is unpacked."""

    total: int = 2 * GIB
    file: int = GIB
    entries: int = 20_000
    ratio: int = 200
    ratio_floor: int = 16 * MIB
    depth: int = 32
    name: int = 1024
    segment: int = 255
    meta: int = MIB


DEFAULT = Limits()
