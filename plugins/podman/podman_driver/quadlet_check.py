"""Whether the installed Podman takes a Quadlet file: its generator is asked before the file is written.

The generator reads folders only. So it gets a folder of its own, which is gone when it has answered, in front of the
one of the host; nothing in place is touched, and a plan can ask as well.
"""

import re
from collections.abc import Callable, Mapping

from floria_plugin import Context, Permanent, systemd
from floria_plugin.driver import Site
from podman_driver import faults

GENERATORS = ("/usr/lib/systemd/system-generators/podman-system-generator", "/usr/libexec/podman/quadlet")
SCRIPT = """set -eu
folder=$(mktemp -d)
trap 'rm -r -- "$folder"' EXIT
cat >"$folder/$1"
generator=$2 places=$folder:$3 scope=
if test "$4" = user; then scope=--user; fi
shift 4
while test $# -gt 0; do
    printf '%s\\n' "$2" >"$folder/$1"
    shift 2
done
QUADLET_UNIT_DIRS=$places "$generator" $scope --dryrun 2>&1 >/dev/null || :
"""
"""Arguments: the file's name, the generator, the folder in place, the scope; then names and texts of other files."""

_UNSUPPORTED = re.compile(r"unsupported key '([^']+)' in group '([^']+)'")

_HARMLESS = ("Loading source unit", ": Warning: ")

Render = Callable[[frozenset[str]], str]


def generator(context: Context) -> str:
    """Return the program that reads Quadlet files; nothing when this Podman has none."""
    return next((path for path in GENERATORS if context.files.exists(path)), "")


def accepted(
    context: Context, site: Site, file: str, render: Render, own: frozenset[str], beside: Mapping[str, str]
) -> str:
    """Return the text of a file that Podman takes, as `render` makes it without the keys that Podman does not know.

    `own` are the keys that can be done without; `beside` are the files that it speaks of, by name. Nothing is returned
    when this Podman has no such files, or none that say everything. Raises `Permanent` for what else it does not take.
    """
    without: frozenset[str] = frozenset()
    while text := render(without):
        if context.files.exists(file) and context.files.read(file) == text:
            return text
        unknown = _unknown(context, site, file, text, own - without, beside)
        if unknown is None:
            return ""
        if not unknown:
            return text
        without |= unknown
    return ""


def _unknown(
    context: Context, site: Site, file: str, text: str, own: frozenset[str], beside: Mapping[str, str]
) -> frozenset[str] | None:
    """Return the keys of `own` that the generator does not know; None when it reads no such files."""
    folder, _, name = file.rpartition("/")
    others = [word for pair in beside.items() for word in pair]
    words = [name, generator(context), folder, site.host.scope, *others]
    done = context.run("sh", "-c", SCRIPT, "sh", *words, stdin=text, env=systemd.environment(site), check=False)
    said = done.stdout
    if not done.ok:
        hint = "is there space, and a folder for temporary files?"
        raise Permanent("quadlet-unchecked", f"{name} could not be checked: {faults.said(done.stderr)}", hint=hint)
    if name not in said:
        return None
    about = [line for line in said.splitlines() if name in line and not any(word in line for word in _HARMLESS)]
    unsupported = [match for line in about if (match := _UNSUPPORTED.search(line))]
    foreign = [match for match in unsupported if match[1] not in own]
    if foreign or len(unsupported) < len(about):
        why = [f"[{match[2]}] has no {match[1]}" for match in foreign] or [about[-1].partition(": ")[2] or about[-1]]
        message = f"Podman would not take the file {name}: {'; '.join(why)}"
        hint = "see the keys in podman-systemd.unit(5) of the Podman on the host; the property quadlet adds them"
        raise Permanent("quadlet-refused", message, {"said": said[-faults.LONGEST :]}, hint)
    return frozenset(match[1] for match in unsupported)
