"""The container formats (section 17.1.1), and the names of files that stand for them. Needs nothing that reads one."""

from enum import StrEnum
from pathlib import Path


class Format(StrEnum):
    """A container format of archives."""

    ZIP = "zip"
    TAR = "tar"
    TAR_GZ = "tar.gz"


SUFFIXES = {
    ".zip": Format.ZIP,
    ".csar": Format.ZIP,
    ".tar": Format.TAR,
    ".tar.gz": Format.TAR_GZ,
    ".tgz": Format.TAR_GZ,
}


def format_of_name(name: str) -> Format | None:
    """Return the format that the suffix of a file name stands for."""
    lowered = name.lower()
    return next((form for suffix, form in SUFFIXES.items() if lowered.endswith(suffix)), None)


def is_archive(path: Path) -> bool:
    """Whether a file's name says that it is an archive."""
    return format_of_name(path.name) is not None
