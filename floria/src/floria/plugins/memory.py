"""Gives memory back to the system when plugins rest."""

import ctypes
import mmap
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_LIBC = ctypes.CDLL(None, use_errno=True)
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \S+ +(/.*)\n")
_FROM_FILE, _PRESENT = 1 << 61, 1 << 63
_CLEAN = _FROM_FILE | _PRESENT


def give_back() -> None:
    """Return free heap memory to the system."""
    trim = getattr(_LIBC, "malloc_trim", None)
    if trim is not None:
        trim(0)


def release_pages(folder: Path) -> int:
    """Drop pages that are as they are in their files: of all code, and of whatever is mapped from `folder`.

    They come back from the page cache when they are touched. Pages that were written to stay. Nothing may write
    meanwhile to what is mapped from `folder`. Returns the bytes.
    """
    released = 0
    own = f"{folder.resolve()}/"
    with open("/proc/self/pagemap", "rb", buffering=0) as pages:
        for start, end, access, file in _mappings():
            if "w" not in access or file.startswith(own):
                released += sum(_drop(*run) for run in _clean(pages, start, end))
    return released


def _mappings() -> Iterator[tuple[int, int, str, str]]:
    with open("/proc/self/maps") as lines:
        found = [mapping for line in lines if (mapping := _MAPPING.fullmatch(line))]
    return ((int(one[1], 16), int(one[2], 16), one[3], one[4]) for one in found if one[3][3] == "p")


def _clean(pages: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the runs of pages that are there and were never written to (proc_pid_pagemap(5))."""
    found = array("Q")
    pages.seek(start // mmap.PAGESIZE * found.itemsize)
    found.frombytes(pages.read((end - start) // mmap.PAGESIZE * found.itemsize))
    begin: int | None = None
    for number, page in enumerate(found):
        clean = page & _CLEAN == _CLEAN
        if clean and begin is None:
            begin = number
        elif not clean and begin is not None:
            yield start + begin * mmap.PAGESIZE, start + number * mmap.PAGESIZE
            begin = None
    if begin is not None:
        yield start + begin * mmap.PAGESIZE, start + len(found) * mmap.PAGESIZE


def _drop(start: int, end: int) -> int:
    failed = _LIBC.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
    return 0 if failed else end - start
