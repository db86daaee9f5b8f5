"""Gives memory back to the system when plugins rest."""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_MADV_DONTNEED = 4
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ +(/.*)\n")


def give_back() -> None:
    """Return free heap memory to the system."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


def release_pages(folder: Path) -> int:
    """Drop the pages of the files in `folder` that are mapped but unchanged; return the bytes.

    They come back from the page cache when they are touched. Mappings that were written to are left alone.
    """
    released = 0
    for start, end in _unchanged(f"{folder.resolve()}/"):
        if _LIBC.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED) == 0:
            released += end - start
    return released


def _unchanged(prefix: str) -> Iterator[tuple[int, int]]:
    found: tuple[int, int] | None = None
    with open("/proc/self/smaps") as lines:
        for line in lines:
            mapping = _MAPPING.fullmatch(line)
            if mapping or line[0] in "0123456789abcdef":
                ours = mapping is not None and mapping[4].startswith(prefix) and "w" not in mapping[3]
                found = (int(mapping[1], 16), int(mapping[2], 16)) if ours and mapping is not None else None
            elif line.startswith(("Private_Dirty:", "Anonymous:")) and line.split()[1] != "0":
                found = None
            elif line.startswith("VmFlags:") and found is not None:
                yield found
                found = None
