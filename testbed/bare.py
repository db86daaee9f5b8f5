"""The machine itself, without systemd, as a private copy: what a program does there stays there."""

import os
from pathlib import Path

from testbed import checkout, closing, leases, machine, namespace

# Arguments: number of groups, groups…, shares…; the new root is an overlay on the machine's own
SETUP = """
groups=$1; shift
umask 022
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -p /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
root=/mnt/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
while [ "$groups" -gt 0 ]; do
    mount --bind "$1" "$root${1%/*/*}"
    shift
    groups=$((groups - 1))
done
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for share in "$@"; do
    if [ -d "$share" ]; then mkdir -p "$root$share"; else mkdir -p "$(dirname "$root$share")"; : >>"$root$share"; fi
    mount --bind "$share" "$root$share"
    mount -o remount,bind,ro "$root$share"
done
mkdir -p "$root/mnt"
cd "$root"
pivot_root . mnt
umount -l /mnt
hostname bare
ip link set lo up
"""


class Bare(machine.Machine, closing.Closing):
    """Namespaces of their own on a copy-on-write view of this machine, with no service manager.

    Use as a context manager: leaving it ends every process in it and frees everything.
    """

    def __init__(self) -> None:
        self.name = "bare"
        self.environment = checkout.environment()
        if "KHUTULUN_CACHE" in os.environ:
            self.environment["KHUTULUN_CACHE"] = os.environ["KHUTULUN_CACHE"]
        shares = [str(share.path) for share in checkout.shares() if not share.writable]
        self._namespace = namespace.Namespace(SETUP, *shares, grouped=True)

    def entry(self) -> list[str]:
        """See `machine.Machine.entry`."""
        return self._namespace.entry()

    def groups(self) -> list[Path]:
        """See `machine.Machine.groups`."""
        return self._namespace.groups

    @property
    def lease(self) -> leases.Lease:
        """The record of what it holds on the machine."""
        return self._namespace.lease

    def close(self) -> None:
        """End every process in it and free everything."""
        self._namespace.close()
