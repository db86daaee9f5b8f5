"""What a test run holds on the machine outside its own namespaces, so that the next run can free it.

Namespaces end by themselves with their maker. Control groups do not, so each run writes down, before it makes them,
which ones it will make and who it is. `collect` frees what dead runs left, by recorded process identity.
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from testbed import cache, cgroups, processes


@dataclass(frozen=True)
class Lease:
    """One namespace's record: its name, its maker, its first process once there is one."""

    name: str
    maker: processes.Identity
    first: processes.Identity | None = None

    @property
    def path(self) -> Path:
        """The file that holds this record."""
        return folder() / f"{self.name}.json"

    def write(self) -> None:
        """Put the record on disk, whole or not at all."""
        draft = self.path.with_suffix(f".{os.getpid()}.draft")
        draft.write_text(json.dumps(asdict(self)))
        draft.rename(self.path)

    def release(self) -> None:
        """Free what the record names, then the record."""
        cgroups.thaw_all(self.name)
        if self.first is not None:
            processes.end(self.first)
        cgroups.remove(self.name)
        self.path.unlink(missing_ok=True)


def folder() -> Path:
    """Return the folder of records, made if missing."""
    path = cache.testbed() / "leases"
    path.mkdir(parents=True, exist_ok=True)
    return path


def take() -> Lease:
    """Record a new namespace of this process."""
    maker = processes.identify(os.getpid())
    if maker is None:
        raise processes.TestBedError("/proc does not show this process: it must be mounted")
    lease = Lease(f"khutulun-testbed-{secrets.token_hex(4)}", maker)
    lease.write()
    return lease


def collect() -> list[str]:
    """Free what dead runs left and return the names of the freed records. One run at a time does it."""
    freed = []
    with cache.shelf("leases") as shelf:
        for path in sorted(shelf.path.glob("*.json")):
            lease = read(path)
            if lease is not None and not processes.alive(lease.maker):
                lease.release()
                freed.append(lease.name)
    return freed


def read(path: Path) -> Lease | None:
    """Return the record in the file `path`, or None when it is gone."""
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    first = record["first"]
    return Lease(
        record["name"],
        processes.Identity(**record["maker"]),
        None if first is None else processes.Identity(**first),
    )
