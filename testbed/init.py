"""The first process of a test namespace: sets it up, reaps orphans, and ends it when its maker is gone.

Started by `testbed.namespace` as ``unshare … python -I -S init.py SCRIPT ARGUMENT…``. It runs SCRIPT with ``sh``, says
``ready`` on standard output, and exits when standard input closes, which the kernel does when the maker ends in any
way. The kernel then ends every process of the namespace and frees its mounts and network.
"""

import os
import select
import signal
import subprocess
import sys

PULSE = 512


def main(script: str, *arguments: str) -> int:
    """Set up by `script`, then wait for the end of standard input; return the exit status of a failed setup."""
    status = subprocess.call(["/bin/sh", "-eu", "-c", script, "setup", *arguments], stdin=subprocess.DEVNULL)
    if status:
        return status
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    os.write(1, b"ready\n")
    while True:
        reap()
        ready, _, _ = select.select([0, reader], [], [])
        if 0 in ready and not os.read(0, PULSE):
            return 0
        if reader in ready:
            os.read(reader, PULSE)


def reap() -> None:
    """Collect every child that has ended."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
