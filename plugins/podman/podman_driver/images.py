"""Images: by name from a registry, from an archive or root filesystem of the service, or built from a Containerfile."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from floria_plugin import Context, Fault, Permanent
from floria_plugin.driver import Artifact, Site
from floria_plugin.workload import invalid
from podman_driver import description, podman

OWN = "localhost/khutulun"
ARCHIVE, ROOT, BUILT, NAMED = "ImageArchive", "RootFilesystem", "Containerfile", ""
ARTIFACT = "image"
BUILDERS, NOBODY = "^(/.*/)?(podman|buildah) (.* )?(build|bud|from|play|kube) ", 1
"""What `pgrep` looks for: programs that build images; and what it ends with when there is none."""


@dataclass(frozen=True)
class Image:
    """Where a container's image comes from. `name` is what containers are made from."""

    name: str
    way: str = NAMED
    artifact: Artifact | None = None
    digest: str = ""
    pull: str = "missing"
    registry: dict[str, Any] | None = None
    context: tuple[Artifact, ...] = ()

    @property
    def own(self) -> bool:
        """Whether it was made here for this node, and so goes with it."""
        return self.way != NAMED

    @property
    def special(self) -> bool:
        """Whether its registry is not talked to as any other."""
        registry = self.registry or {}
        return bool(registry.get("user")) or registry.get("tls") is False


def of(site: Site) -> Image:
    """Return the image that the node asks for."""
    given = site.properties
    named, artifact = str(given.get("image") or ""), site.artifacts.get(ARTIFACT)
    if bool(named) == (artifact is not None):
        how = "both" if named else "neither"
        raise invalid(site, f"it needs either the property image or the artifact image, and has {how}")
    digest, pull = str(given.get("digest") or ""), str(given.get("pull") or "missing")
    if artifact is None:
        name = f"{_without_tag(named)}@{digest}" if digest and "@" not in named else named
        return Image(name, NAMED, None, digest, pull, dict(given.get("registry") or {}))
    kinds = [str(label).rpartition("::")[2] for label in artifact.classes]
    way = next((way for way in (ARCHIVE, ROOT, BUILT) if way in kinds), "")
    if not way:
        raise invalid(
            site, f"its artifact image is a {kinds[0] if kinds else 'file'}",
            "its type is one of ImageArchive, RootFilesystem and Containerfile",
        )  # fmt: skip
    context = tuple(
        one for _, one in sorted(site.artifacts.items()) if "File" in [c.rpartition("::")[2] for c in one.classes]
    )
    found = Image("", way, artifact, digest, context=context if way == BUILT else ())
    return replace(found, name=f"{OWN}/{_repository(site)}:{_tag(found)}")


def ensure(context: Context, site: Site, image: Image, *, refresh: bool) -> dict[str, Any] | None:
    """Have the image on the host; return what Podman knows of it. `refresh`: ask the registry when `pull` says so.

    Nothing is returned in a plan, when it would have been made.
    """
    known = podman.image(context, site, image.name)
    if image.way == NAMED:
        if image.pull == "never" and known is None:
            hint = f"bring it, such as with `podman pull {image.name}`, or set pull: missing"
            raise Permanent("image-missing", f"the image {image.name} is not on the host, and pull is never", hint=hint)
        if known is None or (refresh and image.pull in ("always", "newer")):
            _pull(context, site, image, known is not None)
            known = podman.image(context, site, image.name)
    elif known is None:
        _make(context, site, image)
        known = podman.image(context, site, image.name)
    if known is not None and image.digest:
        _check_digest(image, known)
    return known


def attributes(image: Image, known: dict[str, Any] | None) -> dict[str, Any]:
    """Return the node's attributes about its image."""
    if known is None:
        return {"image_name": image.name}
    repository = _without_tag(image.name.partition("@")[0])
    digests = [str(one).partition("@") for one in known.get("RepoDigests") or [] if not image.own]
    fitting = [digest for name, _, digest in digests if name == repository]
    chosen = image.digest if image.digest in fitting else next(iter(reversed(fitting)), "")
    return {"image_name": image.name, "image_id": str(known.get("Id") or ""), "image_digest": chosen}


def remove(context: Context, site: Site, name: str) -> None:
    """Remove an image that was made here, unless something else uses it."""
    if name.startswith(f"{OWN}/") and podman.image(context, site, name) is not None:
        podman.attempt(context, site, "image", "rm", name)


def _pull(context: Context, site: Site, image: Image, known: bool) -> None:
    registry = image.registry or {}
    options = ["--quiet"]
    options += ["--tls-verify=false"] if registry.get("tls") is False else []
    login = _log_in(context, site, image, registry)
    options += [f"--authfile={login}"] if login else []
    try:
        with _apart(context, site) as folder:
            podman.run(context, site, "pull", *options, image.name, doing=f"pulling the image {image.name}", env=folder)
    except Fault as fault:
        if image.digest and fault.code == "image-missing":
            hint = "is it the image that is meant? Then give the digest that it has"
            message = f"the registry has no image {image.name} of that digest"
            raise Permanent("digest-wrong", message, fault.detail, hint) from None
        if not (known and image.pull == "newer" and fault.code == "registry-unreachable"):
            raise
        context.log(f"{image.name} is taken as it is on the host: {fault.message}", "warning")
    finally:
        if login:
            context.files.remove(login)


def _log_in(context: Context, site: Site, image: Image, registry: dict[str, Any]) -> str:
    """Log in at the registry; return the file that says so, which is to be removed."""
    if not registry.get("user"):
        return ""
    host = image.name.partition("/")[0]
    path = f"{site.host.paths['run']}/podman-{site.names['machine']}.auth"
    options = ["--tls-verify=false"] if registry.get("tls") is False else []
    words = ["login", *options, f"--authfile={path}", f"--username={registry['user']}", "--password-stdin", host]
    password = str(registry.get("password") or "")
    if description.PASSWORD not in (site.raw.get("secrets") or []):
        password = context.secret(password)
    podman.run(context, site, *words, stdin=password, doing=f"logging in at {host} as {registry['user']}")
    return path


def _make(context: Context, site: Site, image: Image) -> None:
    assert image.artifact is not None
    path, file = image.artifact.path, image.artifact.file
    if image.way == ARCHIVE:
        with _apart(context, site) as folder:
            words = ["load", "--quiet", f"--input={path}"]
            done = podman.run(context, site, *words, doing=f"reading the image in {file}", env=folder)
        loaded = done.stdout.strip().rpartition(": ")[2].strip() or "the-loaded-image"
        podman.run(context, site, "tag", loaded, image.name, doing=f"naming the image in {file}")
        if loaded != image.name and "@" not in loaded and not loaded.startswith("sha256:"):
            podman.attempt(context, site, "untag", loaded, loaded)
    elif image.way == ROOT:
        doing = f"making an image of the root filesystem in {file}"
        with _apart(context, site) as folder:
            words = ["import", "--quiet", path, image.name]
            podman.run_once(context, site, image.name, path, *words, doing=doing, env=folder)
    else:
        options = [f"--build-arg={key}={value}" for key, value in sorted(_arguments(image).items())]
        target = image.artifact.more.get("target")
        options += [f"--target={target}"] if target else []
        options += ["--tls-verify=false"] if (site.properties.get("registry") or {}).get("tls") is False else []
        words = ["build", "--quiet", "--layers=false", "--force-rm", f"--tag={image.name}", f"--file={path}", *options]
        _build(context, site, image, *words, path.rpartition("/")[0], doing=f"building the image of {file}")


@contextlib.contextmanager
def _apart(context: Context, site: Site) -> Iterator[dict[str, str]]:
    """What makes a command lay down what it needs for a while in a folder that is gone afterwards, however it ends."""
    folder = f"{description.folder(site)}.tmp"
    context.files.make_folder(folder, 0o700)
    try:
        yield {"TMPDIR": folder}
    finally:
        try:
            context.files.remove(folder, recursive=True)
        except Fault as fault:
            context.log(f"{folder} stays: {fault.message}", "warning")


def _build(context: Context, site: Site, image: Image, *words: str, doing: str) -> None:
    """Build an image. The working containers of a Podman that is killed meanwhile are removed."""
    assert image.artifact is not None
    before = _working(context, site)
    try:
        with _apart(context, site) as folder:
            podman.run_once(context, site, image.name, image.artifact.path, *words, doing=doing, env=folder)
    except Fault as fault:
        left = sorted(_working(context, site) - before) if fault.code == "podman-killed" else []
        if left and context.run("pgrep", "--full", BUILDERS, check=False).status == NOBODY:
            podman.attempt(context, site, "rm", "--force", "--ignore", *left)
        elif left:
            context.log(f"another build may use what this one has left: {' '.join(left)}", "warning")
        raise


def _working(context: Context, site: Site) -> set[str]:
    """Return the containers that are only there while images are built."""
    done = podman.run(context, site, "ps", "--all", "--external", "--format=json", doing="looking for other builds")
    found = json.loads(done.stdout or "[]") or []
    return {str(one["Id"]) for one in found if "-working-container" in str((one.get("Names") or [""])[0])}


def _check_digest(image: Image, known: dict[str, Any]) -> None:
    there = {str(known.get("Digest") or "")} | {str(one).rpartition("@")[2] for one in known.get("RepoDigests") or []}
    if image.digest not in there:
        found = ", ".join(sorted(one for one in there if one)) or "none"
        message = f"the image {image.name} has not the digest {image.digest}; it has: {found}"
        raise Permanent("digest-wrong", message, hint="is it the image that is meant? Then give its digest")


def _arguments(image: Image) -> dict[str, str]:
    assert image.artifact is not None
    return dict(image.artifact.more.get("arguments") or {})


def _tag(image: Image) -> str:
    """Return a tag made of everything that the image is made from."""
    assert image.artifact is not None
    made_of = [image.artifact.digest, *(f"{one.file}={one.digest}" for one in image.context)]
    if image.way == BUILT:
        made_of.append(json.dumps([_arguments(image), image.artifact.more.get("target")], sort_keys=True))
    return hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]


def _repository(site: Site) -> str:
    """Return the path of the node's own images: as its names, in what a reference may hold."""
    machine = site.names["machine"].rpartition("-")[0].lower()
    return "".join(one if one.isalnum() and one.isascii() else "-" for one in machine).strip("-") or "image"


def _without_tag(name: str) -> str:
    head, separator, tail = name.rpartition(":")
    return head if separator and "/" not in tail else name
