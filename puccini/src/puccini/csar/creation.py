"""Making archives: from a folder, or from a TOSCA file and everything it touches. The same input gives the same bytes.

`puccini-csar create` and clients that send a service to a server call it. What comes out conforms (clause 5): names,
limits and structure are checked by the very code that reads archives.
"""

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, TypeAlias

import msgspec

from puccini.csar import container, meta, names
from puccini.csar.archive import YAML_SUFFIXES
from puccini.csar.container import Progress
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.formats import Format
from puccini.csar.limits import DEFAULT, MIB

CREATOR = "Puccini"
Exclude: TypeAlias = Callable[[str], bool]
"""Says of a file or folder, by its name in the archive, whether to leave it out."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 6
_FASTEST = 1
_LARGE = MIB
_WORTHWHILE = 0.97
_LINK_HINT = "put the file itself there, or leave the link out with --exclude"


def _silent(name: str, size: int) -> None:
    """Show no progress."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into an archive: the files by their names in it, the ``TOSCA.meta``, what was left out and why not."""

    files: dict[str, Path]
    meta: meta.Meta
    left_out: tuple[str, ...] = ()


def from_folder(
    folder: Path,
    *,
    entry: str | None = None,
    others: tuple[str, ...] = (),
    created_by: str = CREATOR,
    exclude: Exclude | None = None,
    hidden: bool = False,
) -> Plan:
    """Plan an archive of all files in `folder`.

    Names that begin with a dot are left out unless `hidden`, and so is a signature, which is that of another archive.
    A ``TOSCA.meta`` in the folder is kept and completed; `entry` and `others` overrule it. The archive is CSAR 2.0, or
    1.1 when its definitions are of TOSCA 1.x. Raises `ArchiveError`.
    """
    files: dict[str, Path] = {}
    left_out: list[str] = []
    _collect(folder, "", files, left_out, exclude or (lambda name: False), hidden=hidden)
    present = [place for place in meta.PLACES if place in files]
    if len(present) > 1:
        raise ArchiveError(Refusal.META, f"{folder} has two of them: {' and '.join(present)}", entry=present[1])
    said = meta.Meta(created_by=created_by)
    if present:
        said = meta.parse(_content(files.pop(present[0])), present[0])
    said = msgspec.structs.replace(said, entry=_entry(entry or said.entry, files), others=others or said.others)
    _require(said, files)
    assert said.entry is not None
    said = meta.suited(said, _content(files[said.entry]))
    return Plan(files=files, meta=said, left_out=tuple(sorted(left_out)))


def write(
    plan: Plan, out: BinaryIO, form: Format = Format.ZIP, *, digests: bool = True, progress: Progress = _silent
) -> None:
    """Write the archive that `plan` describes. With `digests`, ``TOSCA.meta`` says the digest of every file.

    Raises `ArchiveError`.
    """
    _check_names(plan)
    first = (plan.meta.place, head(plan, digests=digests))
    if form is Format.ZIP:
        _write_zip(first, plan.files, out, progress)
    elif form is Format.TAR:
        _write_tar(first, plan.files, out, progress)
    else:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=out, mtime=0) as packed:
            _write_tar(first, plan.files, packed, progress)


def head(plan: Plan, *, digests: bool) -> bytes:
    """Return the ``TOSCA.meta`` of the archive that `plan` describes. Raises `ArchiveError`."""
    files = {name: path for name, path in plan.files.items() if name != meta.SIGNATURE} if digests else {}
    said = msgspec.structs.replace(plan.meta, digests={name: _digest(path) for name, path in files.items()})
    return meta.render(said)


def content(plan: Plan, form: Format = Format.ZIP, *, digests: bool = True) -> bytes:
    """Return the archive that `plan` describes."""
    out = io.BytesIO()
    write(plan, out, form, digests=digests)
    return out.getvalue()


def _collect(
    folder: Path,
    prefix: str,
    files: dict[str, Path],
    left_out: list[str],
    exclude: Exclude,
    *,
    hidden: bool,
) -> None:
    try:
        with os.scandir(folder) as found:
            items = sorted(found, key=lambda item: item.name)
    except OSError as error:
        raise _unreadable(folder, error) from error
    for item in items:
        name = f"{prefix}{item.name}"
        if (item.name.startswith(".") and not hidden) or name == meta.SIGNATURE or exclude(name):
            left_out.append(name)
        elif item.is_symlink():
            raise ArchiveError(Refusal.LINK, "this is a symbolic link", entry=name, hint=_LINK_HINT)
        elif item.is_dir():
            _collect(Path(item.path), f"{name}/", files, left_out, exclude, hidden=hidden)
        elif item.is_file():
            files[name] = Path(item.path)
        else:
            raise ArchiveError(
                Refusal.DEVICE, "this is a device, pipe or socket", entry=name, hint="leave it out with --exclude"
            )


def _entry(wanted: str | None, files: Mapping[str, Path]) -> str:
    if wanted is not None:
        return wanted
    root = sorted(name for name in files if "/" not in name and name.endswith(YAML_SUFFIXES))
    if len(root) == 1:
        return root[0]
    found = f"{len(root)} YAML files: {', '.join(root)}" if root else "no YAML file"
    raise ArchiveError(
        Refusal.ENTRY,
        f"nothing says where the definitions begin; the folder itself has {found}",
        hint="name the file: --entry service.yaml",
    )


def _require(said: meta.Meta, files: Mapping[str, Path]) -> None:
    for name in (said.entry, *said.others):
        if name is not None and name not in files:
            raise ArchiveError(
                Refusal.MISSING,
                f"the folder has no file {name!r}",
                entry=name,
                hint="names are relative to the folder; a file that begins with a dot needs --hidden",
            )


def _check_names(plan: Plan) -> None:
    register = names.Register(DEFAULT)
    for name in (plan.meta.place, *sorted(plan.files)):
        if names.normal(name, DEFAULT) != name:
            raise ArchiveError(Refusal.NAME, f"the name {name!r} is not in its plain form", entry=name)
        register.add(name, folder=False)
    total = sum(_status(path).st_size for path in plan.files.values())
    if total > DEFAULT.total:
        raise ArchiveError(
            Refusal.TOO_LARGE,
            f"the files are {total} bytes; an archive may hold {DEFAULT.total}",
            hint="refer to large artifacts by URL instead",
        )
    for name, path in plan.files.items():
        container.check_file_size(name, _status(path).st_size, DEFAULT)


def _write_zip(head: tuple[str, bytes], files: Mapping[str, Path], out: BinaryIO, progress: Progress) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        archive.writestr(_zip_info(head[0], 0o644, len(head[1])), head[1])
        for name in sorted(files):
            status = _status(files[name])
            info = _zip_info(name, _mode(status), status.st_size)
            if _is_stored(files[name], status.st_size):
                info.compress_type = zipfile.ZIP_STORED
            with _opened(files[name]) as source, archive.open(info, "w") as target:
                _copy(name, source, target, status.st_size)
            progress(name, status.st_size)


def _is_stored(path: Path, size: int) -> bool:
    """Whether a large file goes into a zip as it is.

    That is so when packing would not make it smaller, or so much smaller (an empty disk image, say) that the archive
    would look like a bomb.
    """
    if size < _LARGE:
        return False
    packer, packed = zlib.compressobj(_FASTEST), 0
    with _opened(path) as file:
        while chunk := file.read(container.CHUNK):
            packed += len(packer.compress(chunk))
    packed += len(packer.flush())
    return size > packed * DEFAULT.ratio // 4 or packed > size * _WORTHWHILE


def _zip_info(name: str, mode: int, size: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system = 3
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | mode) << 16
    info.file_size = size
    return info


def _write_tar(
    head: tuple[str, bytes], files: Mapping[str, Path], out: BinaryIO | gzip.GzipFile, progress: Progress
) -> None:
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(_tar_info(head[0], 0o644, len(head[1])), io.BytesIO(head[1]))
        for name in sorted(files):
            status = _status(files[name])
            with _opened(files[name]) as source:
                try:
                    archive.addfile(_tar_info(name, _mode(status), status.st_size), source)
                except OSError as error:
                    raise _unreadable(files[name], error) from error
            progress(name, status.st_size)


def _tar_info(name: str, mode: int, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode, info.size = mode, size
    return info


def _copy(name: str, source: BinaryIO, target: object, size: int) -> None:
    count = 0
    while chunk := source.read(container.CHUNK):
        count += len(chunk)
        target.write(chunk)  # type: ignore[attr-defined]
    if count != size:
        raise ArchiveError(Refusal.UNREADABLE, "the file changed while it was read", entry=name, hint="try again")


def _mode(status: os.stat_result) -> int:
    return 0o755 if status.st_mode & stat.S_IXUSR else 0o644


def _digest(path: Path) -> str:
    hasher = hashlib.sha256()
    with _opened(path) as file:
        while chunk := file.read(container.CHUNK):
            hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"


def _content(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ArchiveError:
    return ArchiveError(
        Refusal.UNREADABLE, f"{path}: {error.strerror or error}", hint="check the path and its permissions"
    )
