"""What a host at rest gives back to the system, and what it may not."""

import mmap
from pathlib import Path

from floria.plugins import memory

PAGES = 64


def _resident(path: Path) -> int:
    """Return the bytes of `path` that are in this process's memory."""
    found, inside = 0, False
    with open("/proc/self/smaps") as lines:
        for line in lines:
            if line[0] in "0123456789abcdef" and "-" in line.split()[0]:
                inside = line.rstrip().endswith(str(path))
            elif inside and line.startswith("Rss:"):
                found += int(line.split()[1]) << 10
    return found


def test_r60_what_was_not_written_to_is_given_back_and_what_was_stays(tmp_path: Path) -> None:
    file = tmp_path / "instance"
    file.write_bytes(bytes(range(PAGES)) * mmap.PAGESIZE)
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        before = bytes(mapped)
        mapped[5 * mmap.PAGESIZE] = 255
        assert _resident(file) == len(before)

        assert memory.release_pages(tmp_path) >= len(before) - mmap.PAGESIZE

        assert _resident(file) == mmap.PAGESIZE
        assert mapped[5 * mmap.PAGESIZE] == 255
        mapped[5 * mmap.PAGESIZE] = before[5 * mmap.PAGESIZE]
        assert bytes(mapped) == before


def test_r60_a_mapping_elsewhere_that_can_be_written_to_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "others"
    file.write_bytes(bytes(PAGES * mmap.PAGESIZE))
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        assert not any(bytes(mapped))
        memory.release_pages(tmp_path / "plugins")
        assert _resident(file) == len(mapped)
