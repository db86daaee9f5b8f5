"""Says in sentences what grants mean, for the person who is asked for them; and what is asked for beyond them.

Some grants are everything: a shell with free arguments, a folder of systemd units, a container engine's socket. They
are shown as full access, whatever their patterns look like.
"""

import fnmatch
from enum import StrEnum

import msgspec

from floria.plugins import grants as g
from floria.plugins.carriers import Carrier

_RUNS_ANYTHING = {
    **dict.fromkeys(("sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "csh", "tcsh", "busybox", "toybox"), "a shell"),
    **dict.fromkeys(
        ("python*", "perl*", "ruby*", "node*", "deno", "bun", "php*", "lua*", "tclsh*", "guile*"), "an interpreter"
    ),
    **dict.fromkeys(
        ("awk", "gawk", "mawk", "sed", "ed", "vi", "vim*", "nvim", "emacs*", "less", "more", "man"),
        "it can run programs",
    ),
    **dict.fromkeys(
        (
            "env",
            "nohup",
            "nice",
            "ionice",
            "timeout",
            "setsid",
            "stdbuf",
            "time",
            "xargs",
            "watch",
            "parallel",
            "script",
            "expect",
        ),
        "it runs other programs",
    ),
    **dict.fromkeys(
        (
            "find",
            "tar",
            "rsync",
            "git",
            "make",
            "ssh",
            "scp",
            "socat",
            "nc",
            "ncat",
            "strace",
            "gdb",
            "ltrace",
            "perf",
            "flock",
            "zip",
            "curl",
            "wget",
        ),
        "its options run programs or write any file",
    ),
    **dict.fromkeys(
        (
            "sudo",
            "su",
            "doas",
            "pkexec",
            "runuser",
            "setpriv",
            "capsh",
            "chroot",
            "nsenter",
            "unshare",
            "systemd-nspawn",
            "machinectl",
        ),
        "it runs other programs, also as another user",
    ),
    **dict.fromkeys(
        ("systemd-run", "at", "batch", "crontab", "start-stop-daemon", "daemonize"), "it starts any program"
    ),
    **dict.fromkeys(
        ("docker", "podman", "nerdctl", "ctr", "crictl", "kubectl", "virsh", "lxc", "incus", "distrobox*", "qemu*"),
        "a container or machine of one's own choice reaches the whole host",
    ),
    **dict.fromkeys(
        (
            "cp",
            "mv",
            "install",
            "dd",
            "tee",
            "ln",
            "rm",
            "chmod",
            "chown",
            "mount",
            "insmod",
            "modprobe",
            "apt*",
            "dpkg",
            "dnf",
            "yum",
            "rpm",
            "pip*",
            "npm",
        ),
        "it can replace any file",
    ),
}
_POWERFUL_FOLDERS = (
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/opt",
    "/proc",
    "/root",
    "/sbin",
    "/sys",
    "/usr",
    "/home",
    "/run/systemd",
    "/var/spool/cron",
    "{units}",
    "{config}",
    "{home}",
)
_POWERFUL_BUS_NAMES = (
    "org.freedesktop.systemd1",
    "org.freedesktop.machine1",
    "org.freedesktop.PolicyKit1",
    "org.freedesktop.PackageKit",
)


class Severity(StrEnum):
    """How much a grant gives away."""

    LOOK = "look"
    CHANGE = "change"
    FULL = "full access"


class Sentence(msgspec.Struct, frozen=True):
    """What one grant allows. `reason` says why it is full access."""

    severity: Severity
    text: str
    reason: str = ""

    def __str__(self) -> str:
        return f"FULL ACCESS: {self.text} ({self.reason})" if self.severity is Severity.FULL else self.text


def explain(grants: g.Grants, carrier: Carrier = Carrier.WASM) -> list[Sentence]:
    """Return one sentence for each grant, the most severe first."""
    sentences = [_command(c) for c in grants.commands] + [_files(f) for f in grants.files]
    sentences += [_dbus(d) for d in grants.dbus] + [_http(h) for h in grants.http]
    sentences += [_graph(entry) for entry in grants.graph]
    sentences += [Sentence(Severity.LOOK, f"read the secrets {name}") for name in grants.secrets]
    if grants.evaluate:
        sentences.append(Sentence(Severity.LOOK, "evaluate expressions as the entity it works for"))
    if carrier is Carrier.EXECUTABLE:
        reason = "a program outside the sandbox can do whatever its user can"
        sentences.append(Sentence(Severity.FULL, "run as a program of its own", reason))
    order = [Severity.FULL, Severity.CHANGE, Severity.LOOK]
    return sorted(sentences, key=lambda sentence: order.index(sentence.severity))


def runs_anything(program: str) -> str | None:
    """Return why a program with free arguments is as good as any program, or None."""
    name = program.rsplit("/", 1)[-1]
    return next((why for pattern, why in _RUNS_ANYTHING.items() if fnmatch.fnmatchcase(name, pattern)), None)


def _command(grant: g.CommandGrant) -> Sentence:
    words = " ".join([grant.program, *grant.arguments])
    users = f" as user {', '.join(grant.users)}" if grant.users else ""
    why = runs_anything(grant.program)
    free = any(argument == g.REST or g.is_pattern(argument) for argument in grant.arguments)
    if why and free:
        return Sentence(Severity.FULL, f"run {words}{users}", f"{why}, and its arguments are free")
    if any(name.startswith(("LD_", "PATH", "BASH_ENV", "*")) for name in grant.environment):
        return Sentence(Severity.FULL, f"run {words}{users}", "it chooses variables that load other code")
    if grant.effect is g.Effect.QUERY:
        return Sentence(Severity.LOOK, f"run {words}{users}, which only looks")
    return Sentence(Severity.CHANGE, f"run {words}{users}")


def _files(grant: g.FileGrant) -> Sentence:
    what = f"{grant.pattern} in {grant.path}" if grant.pattern != "*" else grant.path
    if grant.access is not g.Access.WRITE:
        return Sentence(Severity.LOOK, f"read {what}")
    folder = grant.path.rstrip("/") or "/"
    for powerful in _POWERFUL_FOLDERS:
        if folder == powerful or (powerful != "/" and folder.startswith(powerful + "/")):
            return Sentence(Severity.FULL, f"write {what}", "files there decide what the system runs")
    return Sentence(Severity.CHANGE, f"write {what}")


def _dbus(grant: g.DBusGrant) -> Sentence:
    text = f"call {grant.interface}.{grant.member} of {grant.destination} on the {grant.bus} bus"
    if grant.effect is g.Effect.QUERY:
        return Sentence(Severity.LOOK, f"{text}, which only looks")
    if any(fnmatch.fnmatchcase(name, grant.destination) for name in _POWERFUL_BUS_NAMES):
        return Sentence(Severity.FULL, text, "it can start any program")
    return Sentence(Severity.CHANGE, text)


def _http(grant: g.HttpGrant) -> Sentence:
    methods = "requests" if grant.methods == ("*",) else "/".join(grant.methods)
    text = f"send {methods} to {grant.url}"
    looks = all(method in {"GET", "HEAD", "OPTIONS"} for method in grant.methods)
    if grant.effect is g.Effect.QUERY or (grant.effect is None and looks):
        return Sentence(Severity.LOOK, f"{text}, which only looks")
    if any(engine in grant.url for engine in ("docker.sock", "podman.sock", "containerd.sock", "libvirt")):
        return Sentence(Severity.FULL, text, "a container or machine of one's own choice reaches the whole host")
    return Sentence(Severity.CHANGE, text)


def _graph(grant: g.GraphGrant) -> Sentence:
    scopes = {
        g.Scope.OWN: "the entity it works for",
        g.Scope.SERVICE: "the service it works for",
        g.Scope.DIRECTORY: "the directory of its service, and below",
        g.Scope.ALL: "everything",
    }
    verbs = {g.Access.READ: "read", g.Access.WRITE: "change", g.Access.EMIT: "emit events on"}
    severity = Severity.LOOK if grant.access is g.Access.READ else Severity.CHANGE
    return Sentence(severity, f"{verbs[grant.access]} entities of {scopes[grant.scope]}")


def missing(requested: g.Grants, granted: g.Grants) -> g.Grants:
    """Return what is asked for and not covered by what is granted. In doubt it is not covered."""
    return g.Grants(
        commands=tuple(a for a in requested.commands if not any(_covers_command(b, a) for b in granted.commands)),
        files=tuple(a for a in requested.files if not any(_covers_files(b, a) for b in granted.files)),
        dbus=tuple(a for a in requested.dbus if not any(_covers_dbus(b, a) for b in granted.dbus)),
        http=tuple(a for a in requested.http if not any(_covers_http(b, a) for b in granted.http)),
        graph=tuple(a for a in requested.graph if not any(_covers_graph(b, a) for b in granted.graph)),
        secrets=tuple(a for a in requested.secrets if not any(_covers(b, a) for b in granted.secrets)),
        evaluate=requested.evaluate and not granted.evaluate,
    )


def subset(requested: g.Grants, granted: g.Grants) -> bool:
    """Whether everything that is asked for is granted."""
    return missing(requested, granted) == g.NONE


def _covers(granted: str, requested: str) -> bool:
    """Whether a pattern covers another: it is the same, or ``*``, or the other one is a plain text that fits."""
    if granted == requested:
        return True
    if granted == "*":
        return not requested.startswith("-")
    return not g.is_pattern(requested) and g.fits((granted,), (requested,))


def _covers_command(granted: g.CommandGrant, requested: g.CommandGrant) -> bool:
    if granted.program != requested.program or granted.effect is not requested.effect:
        return False
    names = all(any(_covers(b, a) for b in granted.environment) for a in requested.environment)
    users = all(any(_covers(b, a) for b in granted.users) for a in requested.users)
    return names and users and _covers_arguments(granted.arguments, requested.arguments)


def _covers_arguments(granted: tuple[str, ...], requested: tuple[str, ...]) -> bool:
    if granted and granted[-1] == g.REST:
        head = granted[:-1]
        rest = requested[: len(head)]
        return g.REST not in rest and len(rest) == len(head) and all(map(_covers, head, rest))
    same = len(granted) == len(requested) and g.REST not in requested
    return same and all(map(_covers, granted, requested))


def _covers_files(granted: g.FileGrant, requested: g.FileGrant) -> bool:
    if requested.access is g.Access.WRITE and granted.access is not g.Access.WRITE:
        return False
    if granted.path.rstrip("/") == requested.path.rstrip("/"):
        return _covers(granted.pattern, requested.pattern)
    below = requested.path.removeprefix(granted.path.rstrip("/") + "/")
    return below != requested.path and _covers(granted.pattern, below.split("/", 1)[0])


def _covers_dbus(granted: g.DBusGrant, requested: g.DBusGrant) -> bool:
    pairs = [
        (getattr(granted, n), getattr(requested, n)) for n in ("bus", "destination", "path", "interface", "member")
    ]
    return granted.effect is requested.effect and all(_covers(b, a) for b, a in pairs)


def _covers_http(granted: g.HttpGrant, requested: g.HttpGrant) -> bool:
    if granted.effect is not requested.effect:
        return False
    if not all(any(_covers(b, a) for b in granted.methods) for a in requested.methods):
        return False
    prefix = granted.url.rstrip("/")
    return requested.url.rstrip("/") == prefix or requested.url.startswith(prefix + "/")


def _covers_graph(granted: g.GraphGrant, requested: g.GraphGrant) -> bool:
    order = list(g.Scope)
    access = granted.access is requested.access or granted.access is g.Access.WRITE
    return access and order.index(granted.scope) >= order.index(requested.scope)
