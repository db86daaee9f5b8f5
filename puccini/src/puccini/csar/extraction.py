"""Unpacking an archive into a folder: all of it or nothing, plain files only, nothing outside the folder."""

import os
import shutil
import tempfile
from pathlib import Path

from puccini.csar import limits
from puccini.csar.archive import Archive
from puccini.csar.container import Progress
from puccini.csar.errors import ArchiveError, Refusal


def extract(archive: Archive, target: Path, progress: Progress | None = None) -> int:
    """Unpack `archive` into the folder `target`, which must not exist or be empty. Return the number of files.

    Contents are checked while they are written. A failure leaves `target` as it was. Raises `ArchiveError`.
    """
    _check_target(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _refused(target, error) from error
    try:
        for name in sorted(archive.entries):
            _write(archive, name, staging / name)
            if progress is not None:
                progress(name, archive.entries[name].size)
        staging.chmod(0o755)
        staging.replace(target)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise _refused(target, error) from error
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return len(archive.entries)


def _write(archive: Archive, name: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if archive.entries[name].executable else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in archive.chunks(name):
            file.write(chunk)


def _check_target(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ArchiveError(
            Refusal.TARGET, f"{target} is there and is not a folder", hint="name a folder that does not exist yet"
        )
    if target.is_dir() and any(target.iterdir()):
        raise ArchiveError(
            Refusal.TARGET, f"the folder {target} is not empty", hint="name a folder that does not exist yet"
        )


def _refused(target: Path, error: OSError) -> ArchiveError:
    return ArchiveError(
        Refusal.TARGET,
        f"cannot write to {target}: {error.strerror or error}",
        hint=f"check the space and the permissions of {target.parent}; at most {limits.DEFAULT.total} bytes are needed",
    )
