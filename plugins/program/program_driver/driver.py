"""Installs the artifact `package` of a node: an archive, a Debian package, or an installer.

What was installed is written down beside the service's other state, so that it is neither installed twice nor left
behind, and nothing is removed that was there before.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from floria_plugin import Context, Fault, Permanent
from floria_plugin.driver import Artifact, Difference, Driver, Inputs, Inspection, Result, Site, State

TARBALLS = (".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".txz", ".tbz2")
UNZIP = """\
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for member in archive.infolist():
        path = archive.extract(member, sys.argv[2])
        mode = member.external_attr >> 16 & 0o777
        if mode:
            os.chmod(path, mode)
"""

plugin = Driver(
    "program",
    "0.1.0",
    description="Delivers and installs programs that a service carries.",
    grants={
        "commands": [
            {"program": "test", "arguments": ["-e", "*"], "effect": "query"},
            {"program": "dpkg-deb", "arguments": ["--field", "{artifacts}/*", "Package"], "effect": "query"},
            {"program": "dpkg-query", "arguments": ["--show", "--showformat=*", "*"], "effect": "query"},
            {"program": "install", "arguments": ["-d", "-m", "755", "--", "*"], "effect": "change"},
            {"program": "tar", "arguments": ["--extract", "..."], "effect": "change"},
            {"program": "{bin}/python", "arguments": ["-I", "-c", UNZIP, "{artifacts}/*", "*"], "effect": "change"},
            {"program": "dpkg", "arguments": ["--install", "{artifacts}/*"], "effect": "change"},
            {"program": "dpkg", "arguments": ["--purge", "*"], "effect": "change"},
            {"program": "env", "arguments": ["PREFIX=*", "{artifacts}/*", "*"], "effect": "change"},
            {"program": "rm", "arguments": ["-rf", "--", "*"], "effect": "change"},
        ],
        "files": [{"path": "{state}/programs", "access": "write"}],
    },
)


@dataclass(frozen=True)
class Installed:
    """What was installed: the digest of the package, how, and where (for a Debian package its name)."""

    digest: str
    kind: str
    path: str
    name: str = ""


@plugin.verb()
def create(context: Context, site: Site, inputs: Inputs) -> Result:
    """Install the package, unless exactly this one is installed."""
    package = _package(site)
    kind = _kind(package.path)
    found = _read(context, site)
    wanted = Installed(package.digest, kind, _destination(site, kind))
    if found is not None:
        same = (found.digest, found.kind, found.path) == (wanted.digest, wanted.kind, wanted.path)
        if same and _there(context, found):
            return _result(found.path)
        _remove(context, found)
        context.files.remove(_record(site))
    made = _install(context, site, package.path, wanted)
    context.files.write(_record(site), json.dumps(asdict(made), indent=2) + "\n")
    return _result(made.path)


@plugin.verb()
def update(context: Context, site: Site, inputs: Inputs) -> Result:
    """Install the package that has changed in place of the old one."""
    return create(context, site, inputs)


@plugin.verb()
def delete(context: Context, site: Site, inputs: Inputs) -> Result:
    """Remove what was installed."""
    found = _read(context, site)
    if found is not None:
        _remove(context, found)
        context.files.remove(_record(site))
    return Result()


@plugin.verb()
def inspect(context: Context, site: Site, inputs: Inputs) -> Inspection:
    """Tell whether it is still there: an installation has nothing to start, and is ready when it is there."""
    found = _read(context, site)
    if found is None:
        return Inspection(False, State.STOPPED)
    if _there(context, found):
        return Inspection(True, State.STARTED)
    return Inspection(False, State.STOPPED, {}, [Difference("installation", found.name or found.path, None)])


def _package(site: Site) -> Artifact:
    named = site.artifacts.get("package")
    if named is not None and named.path:
        return named
    carried = [artifact for artifact in site.artifacts.values() if artifact.path]
    if len(carried) != 1:
        found = ", ".join(sorted(artifact.file for artifact in carried)) or "none"
        raise Permanent("no-package", f"{site.node} needs one artifact `package` that the archive carries; has {found}")
    return carried[0]


def _kind(package: str) -> str:
    if package.endswith(TARBALLS):
        return "tar"
    return {"zip": "zip", "deb": "deb"}.get(package.rpartition(".")[2], "installer")


def _destination(site: Site, kind: str) -> str:
    if kind == "deb":
        if site.properties.get("destination"):
            raise Permanent("invalid-properties", f"{site.node}: a Debian package has no destination; it knows its own")
        return "/"
    own = f"{site.host.paths['state']}/programs/{site.names['machine']}"
    return str(site.properties.get("destination") or own)


def _record(site: Site) -> str:
    return f"{site.host.paths['state']}/programs/{site.names['machine']}.json"


def _read(context: Context, site: Site) -> Installed | None:
    path = _record(site)
    return Installed(**json.loads(context.files.read(path))) if context.files.exists(path) else None


def _install(context: Context, site: Site, package: str, wanted: Installed) -> Installed:
    if wanted.kind == "deb":
        told = context.run("dpkg-deb", "--field", package, "Package", check=False).stdout.strip()
        name = told or package.rpartition("/")[2].partition("_")[0]
        if _debian(context, name):
            raise Permanent(
                "installed-already", f"{site.node}: the package {name} is installed already, by somebody else"
            )
        context.run("dpkg", "--install", package)
        return Installed(wanted.digest, wanted.kind, "/", name)
    if _exists(context, wanted.path):
        raise Permanent("destination-in-use", f"{site.node}: {wanted.path} exists already; choose another destination")
    strip = int(site.properties.get("strip") or 0)
    context.run("install", "-d", "-m", "755", "--", wanted.path)
    try:
        _fill(context, site, package, wanted, strip)
    except Fault:
        context.run("rm", "-rf", "--", wanted.path)
        raise
    return wanted


def _fill(context: Context, site: Site, package: str, wanted: Installed, strip: int) -> None:
    if wanted.kind == "tar":
        options = [f"--strip-components={strip}"] if strip else []
        context.run("tar", "--extract", f"--file={package}", f"--directory={wanted.path}", "--no-same-owner", *options)
        return
    if strip:
        raise Permanent("invalid-properties", f"{site.node}: strip is for tar archives, not for {package}")
    if wanted.kind == "zip":
        context.run(f"{site.host.paths['bin']}/python", "-I", "-c", UNZIP, package, wanted.path)
    else:
        context.run("env", f"PREFIX={wanted.path}", package, wanted.path)


def _remove(context: Context, found: Installed) -> None:
    if found.kind == "deb":
        if _debian(context, found.name):
            context.run("dpkg", "--purge", found.name)
    elif _exists(context, found.path):
        context.run("rm", "-rf", "--", found.path)


def _there(context: Context, found: Installed) -> bool:
    return _debian(context, found.name) if found.kind == "deb" else _exists(context, found.path)


def _exists(context: Context, path: str) -> bool:
    return context.run("test", "-e", path, check=False).ok


def _debian(context: Context, name: str) -> bool:
    shown = context.run("dpkg-query", "--show", "--showformat=${db:Status-Status}", name, check=False)
    return shown.ok and shown.stdout.strip() == "installed"


def _result(path: str) -> Result:
    values: dict[str, Any] = {"path": path}
    return Result({"capability/installation": values})
