"""Reads and changes text files under granted folders.

Every step below the granted folder is opened by itself without following symbolic links, so that nothing, not even a
link put there meanwhile, leads elsewhere. Files are replaced in one step.
"""

import contextlib
import fnmatch
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from floria.plugins import grants, requests
from floria.plugins.faults import Fault

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_REFUSED = {"ELOOP", "ENOTDIR", "EACCES", "EPERM", "EROFS"}


def perform(request: requests.FileRequest, permit: grants.Permit, limit: int) -> object:
    """Do what the request says. `limit` is the most bytes to read. Raises `Fault`."""
    with _explained(request.path):
        match request:
            case requests.ReadFile():
                return read(request.path, permit.root, limit)
            case requests.WriteFile():
                return write(request, permit.root)
            case requests.MakeFolder():
                return make_folder(request, permit.root)
            case requests.Remove():
                return remove(request, permit.root)
            case requests.ListFolder():
                return entries(request.path, permit)
            case requests.KindOf():
                return kind_of(request.path, permit.root)


def needed(request: requests.FileRequest, permit: grants.Permit) -> bool:
    """Whether a change would change anything. Raises `Fault`."""
    with _explained(request.path):
        match request:
            case requests.WriteFile():
                return _content(request.path, permit.root) != (request.content.encode(), request.mode & 0o777)
            case requests.MakeFolder():
                return kind_of(request.path, permit.root) != "folder"
            case requests.Remove():
                return kind_of(request.path, permit.root) != "none"
            case _:
                return True


def read(path: str, root: str, limit: int) -> str:
    """Return the text of a regular file."""
    with _parent(path, root) as (folder, name), _regular(folder, name) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Fault("output-limit", f"{path} is larger than {limit} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Fault("not-text", f"{path} is not UTF-8 text") from None


def write(request: requests.WriteFile, root: str) -> bool:
    """Replace a file; folders above it, below the grant, are made."""
    with _parent(request.path, root, make=True) as (folder, name):
        temporary = f".{name[:200]}.{os.urandom(4).hex()}"
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(request.content.encode())
                file.flush()
                os.fchmod(file.fileno(), request.mode & 0o777)
                os.fdatasync(file.fileno())
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
            raise
    return True


def make_folder(request: requests.MakeFolder, root: str) -> bool:
    """Make a folder and those above it, below the grant; return whether it was missing."""
    if kind_of(request.path, root) == "folder":
        return False
    if _segments(request.path, root) == []:
        os.makedirs(root, request.mode & 0o777, exist_ok=True)
        return True
    with _parent(request.path, root, make=True) as (folder, name):
        try:
            os.mkdir(name, request.mode & 0o777, dir_fd=folder)
        except FileExistsError:
            if kind_of(request.path, root) != "folder":
                raise
            return False  # another call made it meanwhile
        os.chmod(name, request.mode & 0o777, dir_fd=folder)
    return True


def remove(request: requests.Remove, root: str) -> bool:
    """Remove a file, a link, or a folder; return whether it was there."""
    kind = kind_of(request.path, root)
    if kind == "none":
        return False
    with _parent(request.path, root) as (folder, name):
        if kind != "folder":
            os.unlink(name, dir_fd=folder)
        elif request.recursive:
            _remove_tree(name, folder)
        else:
            os.rmdir(name, dir_fd=folder)
    return True


def entries(path: str, permit: grants.Permit) -> list[requests.Entry]:
    """Return what lies in a folder, by name; nothing when there is no folder."""
    try:
        folder = _open_folder(path, permit.root)
    except FileNotFoundError:
        return []
    try:
        names = sorted(os.listdir(folder))
        if not _segments(path, permit.root):
            names = [name for name in names if fnmatch.fnmatchcase(name, permit.pattern)]
        found = [(name, _stat(name, folder)) for name in names]
    finally:
        os.close(folder)
    return [requests.Entry(n, _kind(s.st_mode), s.st_size, stat.S_IMODE(s.st_mode)) for n, s in found if s is not None]


def kind_of(path: str, root: str) -> str:
    """Return none, file, folder, link or other."""
    try:
        with _parent(path, root) as (folder, name):
            found = _stat(name, folder)
    except FileNotFoundError:
        return "none"
    return "none" if found is None else _kind(found.st_mode)


def _content(path: str, root: str) -> tuple[bytes, int] | None:
    try:
        with _parent(path, root) as (folder, name), _regular(folder, name) as file:
            return file.read(), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except (OSError, Fault):
        return None


def _segments(path: str, root: str) -> list[str]:
    below = "/".join(segment for segment in path.split("/") if segment).removeprefix(root.strip("/"))
    return [segment for segment in below.split("/") if segment]


@contextlib.contextmanager
def _parent(path: str, root: str, make: bool = False) -> Iterator[tuple[int, str]]:
    """Open the folder that holds `path`; yields it and the last name. For the granted folder itself: the one above."""
    segments = _segments(path, root)
    if not segments:
        folder = os.open(os.path.dirname(root) or "/", _FOLDER)
        name = os.path.basename(root) or "."
    else:
        if make:
            os.makedirs(root, exist_ok=True)
        folder = _descend(root, segments[:-1], make)
        name = segments[-1]
    try:
        yield folder, name
    finally:
        os.close(folder)


def _open_folder(path: str, root: str) -> int:
    return _descend(root, _segments(path, root), make=False)


def _descend(root: str, segments: list[str], make: bool) -> int:
    folder = os.open(root, _FOLDER)
    for segment in segments:
        try:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(segment, 0o755, dir_fd=folder)
            below = os.open(segment, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
        finally:
            os.close(folder)
        folder = below
    return folder


@contextlib.contextmanager
def _regular(folder: int, name: str) -> Iterator[BinaryIO]:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Fault("denied", f"{name} is not a regular file")
        yield file


def _remove_tree(name: str, folder: int) -> None:
    below = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    try:
        for entry in os.listdir(below):
            found = _stat(entry, below)
            if found is not None and stat.S_ISDIR(found.st_mode):
                _remove_tree(entry, below)
            else:
                os.unlink(entry, dir_fd=below)
    finally:
        os.close(below)
    os.rmdir(name, dir_fd=folder)


def _stat(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


@contextlib.contextmanager
def _explained(path: str) -> Iterator[None]:
    import errno

    try:
        yield
    except FileNotFoundError:
        raise Fault("not-found", f"{path} does not exist") from None
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "")
        if name in _REFUSED:
            reason = "a symbolic link or no folder is in the way" if name in {"ELOOP", "ENOTDIR"} else error.strerror
            raise Fault("denied", f"{path}: {reason}") from None
        raise Fault("file-error", f"{path}: {error.strerror}", name in {"ENOSPC", "EDQUOT", "EIO", "EMFILE"}) from None
