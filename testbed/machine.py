"""What every kind of test machine can do: run programs, hold a terminal, read and write files.

`testbed.host.Host`, `testbed.bare.Bare` and `testbed.lab.Lab` are machines. A program is started from outside: it joins
the machine's control groups and namespaces, gets a clean environment, and dies with the process that waits for it.
"""

import abc
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from testbed import processes, terminal

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Arguments: terminal or "", number of groups, groups…, program…
JOIN = """
trap '' INT QUIT TSTP
if [ -n "$1" ]; then exec <>"$1" >&0 2>&0; fi
count=$2; shift 2
while [ "$count" -gt 0 ]; do echo 0 >"$1/cgroup.procs"; shift; count=$((count - 1)); done
exec "$@"
"""
# Arguments: descriptor to announce the entry on, working folder, program…
ANNOUNCE = """
printf e >&"$1"; eval "exec $1>&-"
cd -- "$2" || exit 126
shift 2; exec "$@"
"""


@dataclass(frozen=True)
class Completed:
    """A program that ended: its status (negative: the signal that ended it) and what it wrote, as text."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


class CommandFailed(processes.TestBedError):
    """A program that had to succeed did not."""

    def __init__(self, machine: str, completed: Completed) -> None:
        self.completed = completed
        written = "\n".join(text.rstrip() for text in (completed.stdout, completed.stderr) if text.strip())
        super().__init__(f"{machine}: {' '.join(completed.argv)} ended with status {completed.status}\n{written}")


@dataclass(frozen=True)
class Process:
    """A program that runs on a machine. `pid` is its number on the machine that runs the tests.

    Use as a context manager: leaving it kills the program if it still runs, and closes its pipes.
    """

    pid: int
    popen: subprocess.Popen[bytes]

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        running = processes.identify(self.pid) if self.popen.poll() is None else None
        if running is not None:
            processes.end(running)
        self.popen.__exit__(kind, error, trace)

    def signal(self, number: int) -> None:
        """Send a signal to the program itself."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait for the program and return its status."""
        return self.popen.wait()

    def read_line(self) -> str:
        """Return the next line of its standard output, which must be a pipe; empty at its end."""
        return _opened(self.popen.stdout).readline().decode()

    def communicate(self, text: str | None = None) -> tuple[str, str]:
        """Feed `text`, wait for the end, and return what it wrote to its pipes."""
        out, err = self.popen.communicate(None if text is None else text.encode())
        return (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace")


@dataclass(frozen=True)
class User:
    """A line of the machine's ``passwd``."""

    name: str
    uid: int
    home: str


class Machine(abc.ABC):
    """Something programs can run on."""

    name: str
    environment: dict[str, str]

    @abc.abstractmethod
    def entry(self) -> list[str]:
        """Return the command that runs its arguments in this machine's namespaces."""

    def groups(self) -> list[Path]:
        """Return the control groups that programs started from outside belong to."""
        return []

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str = "/",
    ) -> Completed:
        """Run a program to its end; raise `CommandFailed` when `check` is set and its status is not 0."""
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        with self.popen(argv, env=env, user=user, cwd=cwd, stdin=stdin).popen as popen:
            out, err = popen.communicate(None if input is None else input.encode())
        completed = Completed(tuple(argv), popen.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
        if check and completed.status:
            raise CommandFailed(self.name, completed)
        return completed

    def popen(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str = "/",
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
        stderr: int | IO[bytes] | None = subprocess.PIPE,
        groups: Sequence[Path] | None = None,
        tty: str = "",
        session: bool = True,
    ) -> Process:
        """Start a program and return once it is inside the machine.

        It joins `groups` in place of the machine's own; its terminal is `tty`; with `session` it leaves the caller's.
        """
        joined = self.groups() if groups is None else groups
        reader, writer = os.pipe()
        account = self.user(user)
        command = ["/bin/bash", "-c", JOIN, "join", tty, str(len(joined)), *map(str, joined)]
        command += [*self.entry(), "setpriv", *_identity(account), "--pdeathsig=KILL"]
        command += ["env", "--default-signal=INT,QUIT,TSTP", "/bin/bash", "-c", ANNOUNCE, "announce", str(writer), cwd]
        try:
            started = subprocess.Popen(
                [*command, *argv],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env={**self._environment(account), **(env or {})},
                pass_fds=[writer],
                start_new_session=session,
            )
        finally:
            os.close(writer)
        with os.fdopen(reader, "rb") as announced:
            entered = announced.read(1)
        if not entered:
            _, err = started.communicate()
            reason = (err or b"").decode(errors="replace").strip()
            raise processes.TestBedError(f"{self.name}: {argv[0]} could not be started in the machine: {reason}")
        return Process(_inner(started), started)

    def terminal(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        cwd: str = "/",
        rows: int = 24,
        columns: int = 80,
    ) -> terminal.Terminal:
        """Start a program on a terminal of its own, to be read and typed into."""
        pair = terminal.Pair(rows, columns)
        try:
            process = self.popen(
                argv,
                env={"TERM": "xterm-256color", **(env or {})},
                user=user,
                cwd=cwd,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                tty=pair.name,
            )
        except BaseException:
            pair.close()
            raise
        return terminal.Terminal(pair, process.popen)

    def user(self, name: str) -> User:
        """Return an account of the machine, or raise `TestBedError` when it has none of this name."""
        if name == "root":
            return User("root", 0, "/root")
        for line in self.read("/etc/passwd").splitlines():
            fields = line.split(":")
            if fields[0] == name:
                return User(name, int(fields[2]), fields[5])
        raise processes.TestBedError(f"{self.name} has no user {name}")

    def read(self, path: str) -> str:
        """Return the text of a file of the machine."""
        return self.run(["cat", "--", path]).stdout

    def write(self, path: str, text: str, *, user: str = "root") -> None:
        """Make or replace a file of the machine, with the folders that lead to it."""
        self.run(["mkdir", "-p", "--", os.path.dirname(path)], user=user)
        self.run(["tee", "--", path], input=text, user=user)

    def exists(self, path: str) -> bool:
        """Tell whether the machine has a file, folder or dangling link at `path`."""
        return self.run(["sh", "-c", '[ -e "$1" ] || [ -L "$1" ]', "exists", path], check=False).status == 0

    def copy_in(self, source: Path, target: str) -> None:
        """Copy a file or a folder's content from outside to `target`, as root's."""
        if source.is_file():
            self._transfer(["cat", "--", str(source)], ["sh", "-c", 'cat >"$1"', "copy", target])
            self.run(["chmod", "--", f"{source.stat().st_mode & 0o777:o}", target])
            return
        self.run(["mkdir", "-p", "--", target])
        self._transfer(
            ["tar", "-C", str(source), "-c", "."],
            ["tar", "-C", target, "-x", "--no-same-owner", "--preserve-permissions"],
        )

    def copy_files(self, folder: Path, names: Sequence[str], target: str) -> None:
        """Copy the files of these names below `folder` outside to below `target`, as root's."""
        self.run(["mkdir", "-p", "--", target])
        listing = "\0".join(names).encode()
        command = ["tar", "-C", str(folder), "-c", "--null", "--verbatim-files-from", "-T", "-"]
        archive = subprocess.run(command, input=listing, stdout=subprocess.PIPE, check=True).stdout
        with self.popen(["tar", "-C", target, "-x", "--no-same-owner"], stdin=subprocess.PIPE).popen as receiver:
            _, err = receiver.communicate(archive)
        if receiver.returncode:
            failed = Completed(("tar", "-x"), receiver.returncode, "", err.decode(errors="replace"))
            raise CommandFailed(self.name, failed)

    def copy_out(self, source: str, target: Path) -> None:
        """Copy a file or a folder's content of the machine to `target` outside."""
        if self.run(["test", "-d", source], check=False).status:
            target.write_bytes(self._bytes(["cat", "--", source]))
            return
        target.mkdir(parents=True, exist_ok=True)
        archive = self._bytes(["tar", "-C", source, "-c", "."])
        subprocess.run(["tar", "-C", str(target), "-x", "--no-same-owner"], input=archive, check=True)

    def _bytes(self, argv: list[str]) -> bytes:
        with self.popen(argv).popen as popen:
            out, err = popen.communicate()
        if popen.returncode:
            raise CommandFailed(self.name, Completed(tuple(argv), popen.returncode, "", err.decode(errors="replace")))
        return out

    def _transfer(self, outside: list[str], inside: list[str]) -> None:
        with (
            subprocess.Popen(outside, stdout=subprocess.PIPE) as sender,
            self.popen(inside, stdin=_opened(sender.stdout)).popen as receiver,
        ):
            _, err = receiver.communicate()
        if receiver.returncode or sender.returncode:
            failed = Completed(
                tuple(inside), receiver.returncode or sender.returncode, "", err.decode(errors="replace")
            )
            raise CommandFailed(self.name, failed)

    def _environment(self, account: User) -> dict[str, str]:
        base = {
            "PATH": SYSTEM_PATH,
            "LANG": "C.UTF-8",
            "HOME": account.home,
            "USER": account.name,
            "LOGNAME": account.name,
        }
        if account.uid:
            base["XDG_RUNTIME_DIR"] = f"/run/user/{account.uid}"
            base["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path=/run/user/{account.uid}/bus"
        return {**base, **self.environment}


def _identity(account: User) -> list[str]:
    if account.uid == 0:
        return []
    return [f"--reuid={account.name}", f"--regid={account.name}", "--init-groups"]


def _inner(started: subprocess.Popen[bytes]) -> int:
    try:
        return processes.only_child(started.pid)
    except (processes.TestBedError, FileNotFoundError):
        return started.pid


def _opened(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise processes.TestBedError("the program was started without this pipe")
    return stream
