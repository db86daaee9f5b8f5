"""What `systemctl --root=/ enable` and `disable` do with a plain unit file: links, made and removed without a manager.

Only for units whose file lies where administrators put theirs, and whose section Install asks for nothing but
``WantedBy``. All others are left to `systemctl`.
"""

import contextlib
import os
from pathlib import Path

from floria.plugins.requests import Output

UNITS = Path("/etc/systemd/system")
_COLLECTIONS = (".wants", ".requires", ".upholds")


def enable(unit: str, folder: Path = UNITS) -> Output | None:
    """Do what ``systemctl enable`` does; None when only that knows what to do."""
    wanting = _wanting(unit, folder)
    if not wanting:
        return None
    told = ""
    for target in wanting:
        link, file = folder / f"{target}.wants" / unit, folder / unit
        link.parent.mkdir(mode=0o755, exist_ok=True)
        if os.path.lexists(link):
            if not link.is_symlink() or os.readlink(link) != str(file):
                return None
            continue
        link.symlink_to(file)
        told += f"Created symlink '{link}' \N{RIGHTWARDS ARROW} '{file}'.\n"
    return Output(0, "", told)


def disable(unit: str, folder: Path = UNITS) -> Output | None:
    """Do what ``systemctl disable`` does; None when only that knows what to do."""
    if not _wanting(unit, folder):
        return None
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    if any(entry.is_symlink() and _names(entry.path, unit) for entry in entries):
        return None  # it has other names
    told = ""
    for entry in entries:
        link = Path(entry.path, unit)
        if entry.name.endswith(_COLLECTIONS) and entry.is_dir(follow_symlinks=False) and link.is_symlink():
            link.unlink()
            told += f"Removed '{link}'.\n"
            with contextlib.suppress(OSError):  # others are still in it
                os.rmdir(entry.path)
    return Output(0, "", told)


def _wanting(unit: str, folder: Path) -> list[str]:
    """Return the targets that want a unit, nothing when its file says anything else of its installation."""
    file, found, section = folder / unit, [], ""
    if file.is_symlink() or "@" in unit:
        return []
    try:
        lines = file.read_text().splitlines()
    except (OSError, ValueError):
        return []
    for line in map(str.strip, lines):
        if line.startswith("["):
            section = line
        elif section == "[Install]" and line and line[0] not in "#;":
            name, _, value = line.partition("=")
            if name.strip() != "WantedBy" or "%" in value or "\\" in value:
                return []
            found += value.split()
    return found


def _names(link: str, unit: str) -> bool:
    return os.path.basename(os.readlink(link)) == unit
