"""Starts the process of a workload: everything between fork and exec."""

import errno
import grp
import os
import pwd
import resource
import signal

from khutulun.supervisor import cgroups, spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LaunchError(Exception):
    """The program could not be started; the message says why."""


class Account:
    """As whom a workload runs. `switch` says whether that is another user or group than the supervisor's."""

    __slots__ = ("entry", "gid", "switch", "uid")

    def __init__(self, user: str, group: str) -> None:
        try:
            self.entry = _passwd(user) if user else pwd.getpwuid(os.getuid())
            self.gid = _gid(group) if group else self.entry.pw_gid
        except KeyError:
            raise LaunchError(f"there is no user {user!r} or no group {group!r} on this machine") from None
        self.uid = self.entry.pw_uid
        self.switch = bool(user or group)
        if self.switch and os.getuid() != 0 and (self.uid, self.gid) != (os.getuid(), os.getgid()):
            raise LaunchError(f"only root can run a workload as {self.entry.pw_name!r}; the supervisor is not root")


def environment(workload: spec.Spec, account: Account, extra: dict[str, str]) -> dict[str, str]:
    """The clean environment of a workload, as a service manager gives it, with the spec's own on top."""
    base = {
        "PATH": PATH,
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": account.entry.pw_dir,
        "USER": account.entry.pw_name,
        "LOGNAME": account.entry.pw_name,
        "SHELL": account.entry.pw_shell or "/bin/sh",
    }
    for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"):
        if name in os.environ and not account.switch:
            base[name] = os.environ[name]
    return base | extra | workload.environment


def launch(
    workload: spec.Spec,
    arguments: list[str],
    output: int,
    group: cgroups.Group | None,
    extra: dict[str, str],
    born: "Callable[[int], None] | None" = None,
) -> int:
    """Run `arguments` as the workload would: its user, folder, limits, control group and environment.

    `output` becomes standard output and error. `born` is called with the pid before the program is executed; when the
    supervisor dies before `born` has returned, so does the child, and nothing runs that nobody knows of. Returns the
    pid of the new session's leader; raises `LaunchError` when the program was not executed, with the step that failed.
    """
    account = Account(workload.user, workload.group)
    variables = environment(workload, account, extra)
    reader, writer = os.pipe()
    gate, opener = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(opener)
        if os.read(gate, 1) != b"g":
            os._exit(127)
        _child(workload, arguments, output, group, account, variables, writer)
    os.close(writer)
    os.close(gate)
    if born is not None:
        born(pid)
    os.write(opener, b"g")
    os.close(opener)
    with open(reader, "rb") as pipe:
        failure = pipe.read()
    if failure:
        os.waitpid(pid, 0)
        raise LaunchError(failure.decode())
    return pid


def _child(
    workload: spec.Spec,
    arguments: list[str],
    output: int,
    group: cgroups.Group | None,
    account: Account,
    variables: dict[str, str],
    report: int,
) -> None:
    step = "prepare the process"
    try:
        os.setsid()
        step = "enter its control group"
        if group is not None:
            group.join()
        step = "set its limits"
        _limit(workload.limits)
        step = f"become {account.entry.pw_name}"
        if account.switch and os.getuid() == 0:
            os.initgroups(account.entry.pw_name, account.gid)
            os.setgid(account.gid)
            os.setuid(account.uid)
        folder = account.entry.pw_dir if workload.directory == "~" else workload.directory
        step = f"enter the folder {folder}"
        os.chdir(folder)
        step = "prepare the process"
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.umask(0o022)
        for number in range(1, signal.NSIG):
            if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        step = f"execute {arguments[0]}"
        os.execvpe(arguments[0], arguments, variables)
    except OSError as error:
        text = os.strerror(error.errno or 0)
        if error.errno == errno.ENOENT and step.startswith("execute") and "/" not in arguments[0]:
            text = f"not found in {variables['PATH']}"
        os.write(report, f"cannot {step}: {text}".encode())
    except BaseException as error:  # the child must never return into the supervisor's loop
        os.write(report, f"cannot {step}: {error}".encode())
    os._exit(127)


def _limit(limits: spec.Limits) -> None:
    if limits.open_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits.open_files, limits.open_files))


def _passwd(user: str) -> pwd.struct_passwd:
    return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)


def _gid(group: str) -> int:
    return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
