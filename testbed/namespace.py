"""Private namespaces that end with their maker: the ground that labs and bare machines stand on."""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from testbed import cgroups, leases, processes

INIT = Path(__file__).with_name("init.py")
UNSHARE = [
    "unshare",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount",
    "--net",
    "--uts",
    "--ipc",
    "--propagation",
    "private",
]


class Namespace:
    """New process, mount, network, host-name and IPC namespaces, prepared by a shell script."""

    def __init__(self, script: str, *arguments: str, grouped: bool = False) -> None:
        """Make them and run `script` in them as root; raise `TestBedError` with its words when it fails.

        With `grouped` they have control groups of their own, which they see as the roots; `groups` has them, and
        `script` gets them before its other arguments, with their number first.
        """
        leases.collect()
        self.lease = leases.take()
        self.groups = cgroups.create(self.lease.name, "inside", cgroups.every()) if grouped else []
        if grouped:
            arguments = (str(len(self.groups)), *map(str, self.groups), *arguments)
        with tempfile.TemporaryFile() as errors:
            self._maker = subprocess.Popen(
                [
                    *self._joining(),
                    *UNSHARE,
                    *(["--cgroup"] if grouped else []),
                    "--",
                    sys.executable,
                    "-I",
                    "-S",
                    str(INIT),
                    script,
                    *arguments,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            ready = self._maker.stdout.readline() if self._maker.stdout else b""
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
        if ready != b"ready\n":
            self.close()
            raise processes.TestBedError(f"a test namespace could not be set up (it needs root): {said}")
        self.pid = processes.only_child(self._maker.pid)
        self.lease = replace(self.lease, first=processes.identify(self.pid))
        self.lease.write()

    @property
    def root(self) -> Path:
        """The namespace's root folder as seen from outside. Do not follow links below it."""
        return Path(f"/proc/{self.pid}/root")

    def entry(self) -> list[str]:
        """Return the command that runs its arguments inside."""
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "-u", "-i", "-p", *(["-C"] if self.groups else []), "--"]

    def _joining(self) -> list[str]:
        join = 'while [ "$1" != : ]; do echo 0 >"$1/cgroup.procs"; shift; done; shift; exec "$@"'
        return ["sh", "-eu", "-c", join, "join", *map(str, self.groups), ":"]

    def close(self) -> None:
        """End every process inside, and with them all that the namespaces held. A second call does nothing."""
        cgroups.thaw_all(self.lease.name)
        if self._maker.stdin is not None:
            self._maker.stdin.close()
        self._maker.wait()
        if self._maker.stdout is not None:
            self._maker.stdout.close()
        self.lease.release()
