"""A booted systemd host: a Debian of its own with real limits, made by `testbed.lab.Lab.boot`."""

import abc
import os
import select
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed import cgroups, checkout, machine, processes, recipe

BOOT_SECONDS = 120
REBOOTED = 133
LAST_WORDS = 4000
NSPAWN = [
    "systemd-nspawn",
    "--quiet",
    "--register=no",
    "--keep-unit",
    "--kill-signal=SIGRTMIN+3",
    "--notify-ready=yes",
    "--console=pipe",
    "--capability=all",
    "--resolv-conf=off",
    "--timezone=off",
    "--link-journal=no",
    "--bind=/dev/net/tun",
    "--bind=/dev/fuse",
]

# Arguments: folder, lower layer, places that engines of containers stack overlays on, and so cannot be one themselves;
# the host's disk is folder/root
DISK = """
folder=$1 lower=$2; shift 2
mkdir -p "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
for place in "$@"; do
    mkdir -p "$folder/plain$place" "$folder/root$place"
    mount --bind "$folder/plain$place" "$folder/root$place"
done
"""
PLAIN = ["/var/lib/containers", "/var/lib/docker", f"/home/{recipe.HOST.user}/.local/share/containers"]
# Arguments: the user's number, the home's folders
OWNED = """
user=$1; shift
chown "$user:$user" "$@"
"""
# Arguments: folder, path to share, path on the host, read-only or copy-on-write
SHARE = """
if [ -d "$2" ]; then
    mkdir -p "$1/root$3"
else
    mkdir -p "$(dirname "$1/root$3")"
    [ -e "$1/root$3" ] || : >"$1/root$3"
fi
if [ "$4" = read-only ]; then
    mount --bind "$2" "$1/root$3"
    mount -o remount,bind,ro "$1/root$3"
else
    number=$(ls -d "$1"/view.* 2>/dev/null | wc -l)
    mkdir -p "$1/view.$number/upper" "$1/view.$number/work"
    chown --reference="$2" "$1/view.$number/upper"
    chmod --reference="$2" "$1/view.$number/upper"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/view.$number/upper,workdir=$1/view.$number/work" "$1/root$3"
fi
"""
# Arguments: user, home, folder of compiled plugins
OWN_COPY = """
install -d -o "$1" "$2/.cache" "$2/.cache/khutulun"
own=$2/.cache/khutulun/compiled
[ -d "$own" ] || { mkdir "$own"; cp "$3"/* "$own"; }
chmod 700 "$own"
chown -R "$1" "$2/.cache/khutulun"
"""
# Arguments: folder
REMOVE = """
umount -R "$1/root"
rm -rf "$1"
"""


class Ground(machine.Machine):
    """What a host stands on: its lab."""

    @abc.abstractmethod
    def forget(self, gone: "Host") -> None:
        """Take note that a host was removed."""


@dataclass(frozen=True)
class Place:
    """Where a host stands: its lab, the lab's root seen from outside, its folder in the lab, its part of the rest."""

    lab: Ground
    root: Path
    folder: str
    lower: Path
    groups: list[Path]
    layout: cgroups.Layout
    bridge: str
    addresses: tuple[str, str]

    @property
    def socket(self) -> str:
        """The path, inside the lab, where the host says that it is up."""
        return f"{self.folder}.notify"


class Host(machine.Machine):
    """A host with systemd as its first process. Its disk lasts over reboots and power cuts, until `remove`."""

    def __init__(self, name: str, place: Place, shares: Sequence[checkout.Share], environment: dict[str, str]) -> None:
        """Lay out the disk and boot; called by `testbed.lab.Lab.boot`."""
        self.name = name
        self.environment = environment
        self.address, self.address6 = (address.partition("/")[0] for address in place.addresses)
        self._place = place
        self._manager: machine.Process | None = None
        self._leader = 0
        self._visitors: list[Path] = []
        self._logged_in: list[str] = []
        self._shell(DISK, place.folder, str(place.lower), *PLAIN)
        home = f"{place.folder}/root/home/{recipe.HOST.user}"
        own = [f"{home}/.local", f"{home}/.local/share", f"{home}/.local/share/containers"]
        self._shell(OWNED, str(recipe.HOST.uid), *own)
        for share in shares:
            kind = "copy-on-write" if share.writable else "read-only"
            self._shell(SHARE, place.folder, str(share.path), str(share.at or share.path), kind)
        self.start()

    @property
    def running(self) -> bool:
        """Whether the host is on."""
        return self._manager is not None

    @property
    def leader(self) -> int:
        """The host's first process, as numbered on the machine that runs the tests."""
        if self._manager is None:
            raise processes.TestBedError(f"{self.name} is off: start() boots it")
        return self._leader

    @property
    def bus_address(self) -> str:
        """The D-Bus address of the host's system bus, usable from outside."""
        return f"unix:path=/proc/{self.leader}/root/run/dbus/system_bus_socket"

    def path(self, path: str) -> Path:
        """Return where a path of the host is found from outside, for sockets; links below it are not the host's."""
        return Path(f"/proc/{self.leader}/root{path}")

    def entry(self) -> list[str]:
        """See `machine.Machine.entry`."""
        return ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"]

    def groups(self) -> list[Path]:
        """Return where visitors belong: the host's root group of every hierarchy, or a group of their own below it."""
        return self._visitors

    def start(self) -> None:
        """Boot, and return when systemd says that start-up is finished; so does that of each user who is logged in."""
        if self._manager is not None:
            raise processes.TestBedError(f"{self.name} is on already")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            path = Path(f"{self._place.root}{self._place.socket}")
            path.unlink(missing_ok=True)
            ready.bind(str(path))
            with self._console.open("wb") as console:
                self._manager = self._place.lab.popen(
                    [*NSPAWN, f"--directory={self._place.folder}/root", f"--machine={self.name}", *self._network()],
                    env={
                        "NOTIFY_SOCKET": self._place.socket,
                        "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": str(int(self._place.layout is cgroups.Layout.UNIFIED)),
                        "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1",
                        "SYSTEMD_NSPAWN_TMPFS_TMP": "0",
                        "SYSTEMD_SECCOMP": "0",
                    },
                    groups=self._place.groups,
                    stdout=console,
                    stderr=console,
                )
            self._await(ready, self._manager)
        self._leader = processes.only_child(self._manager.pid)
        self._visitors = cgroups.visitors(self._leader, self._place.layout)
        for user in self._logged_in:
            self._await_manager(user)

    def reboot(self) -> None:
        """Reboot in an orderly way and return when the host is up again."""
        manager = self._on()
        self.run(["systemctl", "--no-block", "reboot"], check=False)
        status = self._ended(manager)
        if status != REBOOTED:
            raise processes.TestBedError(
                f"{self.name} ended with status {status} in place of a reboot:\n{self.console()}"
            )
        self.start()

    def shutdown(self) -> None:
        """Switch off in an orderly way."""
        manager = self._on()
        manager.signal(signal.SIGTERM)
        self._ended(manager)

    def kill(self) -> None:
        """Cut the power. Do nothing when the host is off."""
        if self._manager is None:
            return
        for group in self._place.groups:
            cgroups.thaw(group)
        first = processes.identify(self._leader)
        if first is not None:
            processes.end(first)
        self._ended(self._manager)

    def remove(self) -> None:
        """Cut the power and throw the disk away."""
        self.kill()
        self._shell(REMOVE, self._place.folder)
        for group in self._place.groups:
            cgroups.remove_tree(group)
        self._place.lab.forget(self)

    def log_in(self, user: str) -> None:
        """Have the user's own systemd run from now on and from every boot (lingering), and return when it does.

        The user gets an own copy of the compiled plugins, since they are only loaded from a folder of one's own.
        """
        self.run(["loginctl", "enable-linger", user])
        self._await_manager(user)
        self._logged_in.append(user)
        if self.exists(str(checkout.COMPILED)):
            self.run(["sh", "-eu", "-c", OWN_COPY, "copy", user, self.user(user).home, str(checkout.COMPILED)])

    def _await_manager(self, user: str) -> None:
        """Return when the user's own systemd is up: at boot it is started beside all else, and may come later."""
        self.run(["systemctl", "start", f"user@{self.user(user).uid}.service"])

    def console(self) -> str:
        """Return the end of what the host's console showed."""
        return self._console.read_text(errors="replace")[-LAST_WORDS:]

    @property
    def _console(self) -> Path:
        return Path(f"{self._place.root}{self._place.folder}.console")

    def _network(self) -> list[str]:
        return [f"--network-bridge={self._place.bridge}", "/usr/lib/testbed/init", *self._place.addresses]

    def _await(self, ready: socket.socket, manager: machine.Process) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        handle = os.pidfd_open(manager.popen.pid)
        try:
            while True:
                left = max(0, deadline - time.monotonic())
                readable, _, _ = select.select([ready.fileno(), handle], [], [], left)
                if ready.fileno() in readable:
                    if b"READY=1" in ready.recv(4096).split(b"\n"):
                        return
                    continue
                why = "ended while booting" if readable else f"did not boot in {BOOT_SECONDS} s"
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                self._ended(manager)
                raise processes.TestBedError(f"{self.name} {why}:\n{self.console()}")
        finally:
            os.close(handle)

    def _on(self) -> machine.Process:
        if self._manager is None:
            raise processes.TestBedError(f"{self.name} is off: start() boots it")
        return self._manager

    def _ended(self, manager: machine.Process) -> int:
        status = manager.wait()
        self._manager = None
        return status

    def _shell(self, script: str, *arguments: str) -> None:
        self._place.lab.run(["sh", "-eu", "-c", script, "host", *arguments])
