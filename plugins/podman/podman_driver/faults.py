"""What Podman's messages mean: the fault, and what people can do about it."""

import re
from typing import NamedTuple

from floria_plugin import Fault, Output
from floria_plugin.faults import make

LONGEST = 2000
KILLED = (137, 143)
"""What the program `podman` ends with when it is killed or told to end."""


class Meaning(NamedTuple):
    """What a message that fits `pattern` means. `temporary`: the same may succeed later without any change here."""

    pattern: str
    code: str
    message: str
    hint: str
    temporary: bool = False


MEANINGS = (
    Meaning(
        r"no subuid ranges|no subgid ranges|cannot find UID/GID|insufficient UIDs or GIDs|potentially insufficient UIDs"
        r"|newuidmap|newgidmap|open /etc/sub[ug]id",
        "no-subuids",
        "the user has no ranges of subordinate users and groups, which rootless containers need",
        "as root: `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`; then `podman system migrate`",
    ),
    Meaning(
        r"no space left on device|disk quota exceeded",
        "no-space",
        "the storage of containers is full",
        "free some space, for instance with `podman system prune`, and try again",
        True,
    ),
    Meaning(
        r"server gave HTTP response to HTTPS client",
        "registry-unreachable",
        "the registry does not speak TLS",
        "when that is meant to be so, set registry: { tls: false }",
    ),
    Meaning(
        r"certificate signed by unknown authority|x509:",
        "registry-unreachable",
        "the certificate of the registry is not trusted",
        "put its authority into /etc/containers/certs.d/REGISTRY, or set registry: { tls: false }",
    ),
    Meaning(
        r"connection refused|no such host|i/o timeout|network is unreachable|no route to host|TLS handshake timeout"
        r"|(connection|pinging container registry).*: EOF|received unexpected HTTP status: 5",
        "registry-unreachable",
        "the registry does not answer",
        "is the name of the registry right, and does it run? What failed is tried again with `khutulun service resume`",
        True,
    ),
    Meaning(
        r"unauthorized|authentication required|invalid username/password|incorrect username or password|denied: ",
        "registry-refused",
        "the registry refuses access",
        "set registry: { user: NAME, password: SECRET }, and check that the secret is right",
    ),
    Meaning(
        r"manifest unknown|name unknown|manifest invalid|repository name not known|image not known|no such image"
        r"|unable to find a name and tag match|did not resolve to an image|short-name .* did not resolve"
        r"|requested access to the resource is denied",
        "image-missing",
        "there is no such image",
        "check the name, tag and digest; with pull: never it has to be on the host already",
    ),
    Meaning(
        r"payload does not match any of the supported image formats|unexpected EOF|invalid tar header|not a valid image"
        r"|gzip: invalid|archive/tar|unrecognized image format|manifest\.json: no such file",
        "archive-broken",
        "the archive of the image cannot be read",
        "make it again, for instance with `podman save --output FILE IMAGE`, and compare its digest",
    ),
    Meaning(
        r"address already in use|port is already allocated|cannot expose privileged port|Permission denied.*bind",
        "port-in-use",
        "a port of the host cannot be taken",
        "see who has it with `ss -ltnp`; a Port node without a number takes one that is free",
        True,
    ),
    Meaning(
        r"(stat|statfs|open) /dev/.*no such file|no such device|error gathering device information",
        "device-missing",
        "a device is not on the host",
        "check the property devices",
    ),
    Meaning(
        r"statfs (?P<what>\S+): no such file or directory|mount source (?P<source>\S+).*no such file"
        r"|stat(fs)? .*: no such file or directory",
        "volume-missing",
        "a folder that is to be mounted is not on the host",
        "make it, or use a volume in its place",
    ),
    Meaning(
        r"executable file `?.*`? ?not found|no such file or directory: OCI|stat .*: no such file or directory: OCI",
        "command-missing",
        "the command is not in the image",
        "check the properties command and entrypoint; `podman run --rm -it IMAGE sh` shows what is there",
    ),
    Meaning(
        r"no such network|network not found|unable to find network",
        "network-missing",
        "there is no such network",
        "make it with a Network node, or with `podman network create NAME`",
    ),
    Meaning(
        r"unable to find (user|group)|no matching entries in (passwd|group) file",
        "user-missing",
        "the user or group is not in the image",
        "check the property user; a number always works",
    ),
    Meaning(
        r"name \"?\S+\"? is (already )?in use|that name is already in use",
        "name-in-use",
        "another container, pod or volume has that name",
        "`podman ps --all --pod` shows it; adopt it with `--adopt`, or remove it",
    ),
    Meaning(
        r"unknown flag|unknown shorthand flag|unrecognized flag",
        "unknown-option",
        "this version of Podman does not know an option",
        "check the property options, and `podman --version`",
    ),
    Meaning(
        r"unable to find.*secret|no such secret|no secret with name or id",
        "secret-missing",
        "a secret is not there",
        "`khutulun secret list` shows those that are",
    ),
    Meaning(
        r"cannot connect to the Docker daemon|database is locked|timed out waiting for|lock .* is held|EAGAIN",
        "busy",
        "Podman is busy",
        "try again",
        True,
    ),
)
_NOISE = re.compile(r'^time="[^"]*" level=(warning|info|debug) |^\d{4}-\d\d-\d\d .* m=\+[0-9.]+ \w+ \w+ ')
_MESSAGE = re.compile(r'^time="[^"]*" level=\w+ msg="(.*)"$')


def of(output: Output, doing: str, code: str = "podman-failed") -> Fault:
    """Return the fault of a command of Podman that has failed; `doing` says what was being done."""
    if output.status in KILLED and "Error: " not in output.stderr:  # else that of a program that it has run
        hint = "`journalctl --dmesg` shows whether memory ran out; `khutulun service resume` tries it again"
        message = f"{doing}: podman was killed before it was done"
        return make("podman-killed", message, True, {"status": output.status, "hint": hint})
    return told(output.stderr or output.stdout, doing, code, {"status": output.status})


def told(text: str, doing: str, code: str = "podman-failed", detail: dict[str, object] | None = None) -> Fault:
    """Return the fault that is told by what Podman wrote."""
    words = said(text)
    detail = {**(detail or {}), "said": words[-LONGEST:]}
    for meaning in MEANINGS:
        if re.search(meaning.pattern, words, re.IGNORECASE):
            message = f"{doing}: {meaning.message}: {_last(words)}"
            return make(meaning.code, message, meaning.temporary, {**detail, "hint": meaning.hint})
    hint = "what Podman said is all that is known; the same command can be run by hand, see `khutulun history`"
    return make(code, f"{doing}: {_last(words)}", False, {**detail, "hint": hint})


def said(text: str) -> str:
    """Return what Podman wrote, without its warnings and the times of its messages."""
    lines = (line for line in text.splitlines() if line.strip() and not _NOISE.match(line))
    return "\n".join(_MESSAGE.sub(r"\1", line).strip() for line in lines)


def _last(words: str) -> str:
    lines = words.splitlines() or ["it said nothing"]
    first = next((place for place, line in enumerate(lines) if line.startswith("Error: ")), len(lines) - 1)
    return " ".join(lines[first : first + 4]).removeprefix("Error: ")[-400:]
