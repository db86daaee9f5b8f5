"""A private network with test hosts on it. Its own namespaces are the machine in the middle: hosts answer to it."""

from collections.abc import Sequence

from testbed import cgroups, checkout, closing, host, leases, namespace, processes, rootfs

BRIDGE = "lab0"
HOSTS = "/run/testbed"
FIRST, LAST = 11, 250

# Arguments: layout, folder for hosts, bridge, addresses of the lab on it
SETUP = """
layout=$1 hosts=$2 bridge=$3; shift 3
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$hosts/groups" "$hosts/tmp.upper" "$hosts/tmp.work"
if [ "$layout" = unified ]; then
    mount -t cgroup2 cgroup2 "$hosts/groups"
else
    mount --rbind /sys/fs/cgroup "$hosts/groups"
    if mountpoint -q "$hosts/groups/unified"; then umount "$hosts/groups/unified"; fi
fi
umount -R -l /sys
mount -t sysfs sysfs /sys
mount --rbind "$hosts/groups" /sys/fs/cgroup
umount -R -l "$hosts/groups"
mount -t overlay overlay -o "lowerdir=/tmp,upperdir=$hosts/tmp.upper,workdir=$hosts/tmp.work" /tmp
ip link set lo up
ip link add "$bridge" type bridge
for address in "$@"; do ip addr add "$address" dev "$bridge" nodad; done
ip link set "$bridge" up
"""


class Lab(host.Ground, closing.Closing):
    """Boots hosts side by side. Use as a context manager: leaving it ends every host and frees everything."""

    def __init__(self, layout: cgroups.Layout | None = None) -> None:
        """Prepare the network; `layout` chooses what hosts see of control groups, by default what has limits here."""
        self.name = "lab"
        self.environment: dict[str, str] = {}
        self.layout = layout or cgroups.native()
        self._rootfs = rootfs.path()
        self._hosts: dict[str, host.Host] = {}
        self._next = FIRST
        self._namespace = namespace.Namespace(SETUP, self.layout, HOSTS, BRIDGE, "10.50.0.1/24", "fd50::1/64")

    def entry(self) -> list[str]:
        """See `machine.Machine.entry`."""
        return self._namespace.entry()

    @property
    def lease(self) -> leases.Lease:
        """The record of what the lab holds on the machine."""
        return self._namespace.lease

    def close(self) -> None:
        """End every host and free everything."""
        for booted in list(self._hosts.values()):
            booted.kill()
        self._namespace.close()

    def boot(self, name: str, *, shares: Sequence[checkout.Share] | None = None) -> host.Host:
        """Boot a new host with an empty disk of its own, in about a second and a half.

        `shares` are parts of this machine that it sees; by default what it takes to run the checkout's programs.
        """
        if name in self._hosts:
            raise processes.TestBedError(f"the lab has a host named {name} already")
        if self._next > LAST:
            raise processes.TestBedError(f"a lab has addresses for {LAST - FIRST + 1} hosts at most")
        number, self._next = self._next, self._next + 1
        seen = checkout.shares() if shares is None else list(shares)
        place = host.Place(
            lab=self,
            root=self._namespace.root,
            folder=f"{HOSTS}/{name}",
            lower=self._rootfs,
            groups=cgroups.create(self._namespace.lease.name, name, cgroups.hierarchies(self.layout)),
            layout=self.layout,
            bridge=BRIDGE,
            addresses=(f"10.50.0.{number}/24", f"fd50::{number}/64"),
        )
        booted = host.Host(name, place, seen, checkout.environment() if shares is None else {})
        self._hosts[name] = booted
        return booted

    def forget(self, gone: host.Host) -> None:
        """See `host.Ground.forget`: the name is free again."""
        del self._hosts[gone.name]
