"""Archives with damage of every kind: the answer is an archive or an `ArchiveError`, nothing else (T163, R81)."""

import random

import pytest

from puccini import csar
from puccini.csar import ArchiveError, Limits

from .conftest import META, PACKERS, SERVICE

ROUNDS = 1500
FILES = {
    "TOSCA.meta": META,
    "service.yaml": SERVICE,
    "dir/": b"",
    "dir/é.bin": bytes(range(256)) * 3,
    "plugins/a.py": b"x",
}
LIMITS = Limits(total=1 << 22, file=1 << 21, entries=200, ratio=10_000)


def _damaged(content: bytes, chance: random.Random) -> bytes:
    """Return `content` with one to four pieces of damage."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found))
        match chance.randrange(6):
            case 0:
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                found[at] = chance.choice((0, 1, 0x2E, 0x2F, 0x7F, 0xFF))
            case 2:
                del found[at : at + chance.randint(1, 40)]
            case 3:
                found[at:at] = chance.randbytes(chance.randint(1, 40))
            case 4:
                found[at : at + 4] = chance.choice((b"\xff" * 4, b"\0" * 4, b"PK\x01\x02", b"PK\x05\x06"))
            case _:
                start = chance.randrange(len(found))
                found[at:at] = found[start : start + chance.randint(1, 100)]
        if not found:
            break
    return bytes(found)


@pytest.mark.parametrize("form", list(PACKERS))
def test_damage_never_crashes(form: str) -> None:
    """R81, R84: a fixed set of inputs, the same each time."""
    chance = random.Random(form)
    content = PACKERS[form](FILES)
    outcomes = {"opened": 0, "refused": 0}
    for _ in range(ROUNDS):
        try:
            with csar.open(_damaged(content, chance), limits=LIMITS) as archive:
                csar.verify(archive)
            outcomes["opened"] += 1
        except ArchiveError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > ROUNDS // 4
