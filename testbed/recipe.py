"""What a test host's root filesystem is made of. Changing anything here makes a new one at the next use."""

import hashlib
import json
from dataclasses import asdict, dataclass

from testbed import drivers

INIT = """#!/bin/sh
# First program of a test host: what the container manager leaves undone, then systemd.
set -eu
for group in /sys/fs/cgroup/*/; do
    group=${group%/}
    if [ ! -L "$group" ] && mountpoint -q "$group"; then mount -o remount,rw,bind "$group"; fi
done
rm -f /dev/ptmx
mknod -m 666 /dev/ptmx c 5 2
ip link set lo up
for address in "$@"; do ip addr add "$address" dev host0 nodad; done
ip link set host0 up
exec /usr/lib/systemd/systemd
"""

MASKED = (
    "dev-hugepages.mount",
    "ldconfig.service",
    "modprobe@.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-journal-catalog-update.service",
    "systemd-modules-load.service",
    "systemd-network-generator.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-update-done.service",
    "tmp.mount",
)


@dataclass(frozen=True)
class Recipe:
    """A Debian host: its suite, its packages, an ordinary user, the units that are of no use in a test."""

    suite: str
    packages: tuple[str, ...]
    user: str
    uid: int
    masked: tuple[str, ...]
    init: str

    @property
    def digest(self) -> str:
        """Names the result: equal recipes, equal digests."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def customization(self) -> str:
        """Return the shell script that finishes the root filesystem in the folder ``$1``."""
        masks = " ".join(self.masked)
        return f"""set -eu
rm -f "$1/etc/hostname"
: >"$1/etc/machine-id"
chmod 711 "$1/root"
chroot "$1" useradd --create-home --shell /bin/bash --uid {self.uid} {self.user}
chroot "$1" systemctl --quiet mask {masks}
rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/usr/share/doc/* "$1"/usr/share/man/*
mkdir -p "$1/usr/lib/testbed"
cat >"$1/usr/lib/testbed/init" <<'END'
{self.init}END
chmod 755 "$1/usr/lib/testbed/init"
"""


PACKAGES = (
    "bsdutils",
    "busybox-static",
    "ca-certificates",
    "curl",
    "dbus",
    "dbus-user-session",
    "iproute2",
    "iputils-ping",
    "less",
    "libpam-systemd",
    "make",
    "passwd",
    "polkitd",
    "procps",
    "python3",
    "python3-venv",
    "systemd",
    "systemd-container",
    "systemd-sysv",
)

HOST = Recipe(
    suite="trixie",
    packages=tuple(sorted({*PACKAGES, *drivers.packages()})),
    user="worker",
    uid=1000,
    masked=MASKED,
    init=INIT,
)
