"""Artifacts and implementations (sections 11.8, 12.2): their types, where their files are, what operations name."""

import posixpath
from collections.abc import Mapping
from typing import Any

from floria.values import Value
from puccini import repositories, sources
from puccini.diagnostics import suggest
from puccini.grammar.interfaces import ArtifactDefinition, Implementation
from puccini.grammar.types import Kind
from puccini.model.types import Artifact, ArtifactType
from puccini.nodes import Node
from puccini.semantics import values
from puccini.semantics.resolver import Resolver
from puccini.semantics.scope import Scope
from puccini.units import REPOSITORIES, Unit

_ALGORITHMS = ("md5", "sha1", "sha256", "sha384", "sha512", "sha3-256", "sha3-512", "blake2b", "blake2s")


def build(definition: ArtifactDefinition, scope: Scope, resolver: Resolver) -> Artifact | None:
    """Return the artifact; None when it has no file."""
    unit = scope.unit
    if definition.file is None:
        return None
    type = resolver.find(Kind.ARTIFACT, unit, definition.type) if definition.type is not None else None
    artifact_type = type if isinstance(type, ArtifactType) else None
    result = Artifact(definition.name, artifact_type, definition.file.text, definition.node, unit)
    resolver.built_artifacts.append(result)
    result.description = definition.description
    result.version = definition.artifact_version.text if definition.artifact_version is not None else ""
    _checksum(definition, result, resolver)
    _repository(definition, result, resolver)
    _locate(definition.file, result, resolver)
    if artifact_type is not None:
        owner = f"the artifact type {artifact_type.name!r}"
        _undeclared(definition, artifact_type, owner, resolver)
        declared = {name: node for name, node in definition.properties.items() if name in artifact_type.properties}
        result.properties = values.assign(declared, artifact_type.properties, scope, resolver, owner)
        values.require(declared, artifact_type.properties, definition.node, "the artifact", resolver)
    return result


def from_file(node: Node, unit: Unit, resolver: Resolver, lenient: bool = False) -> Artifact | None:
    """Return the artifact that an implementation's bare file name stands for; its type follows from its extension.

    Without a type it cannot be run; `lenient` leaves saying so to the compilation.
    """
    type = _by_extension(node.text, unit, resolver)
    result = Artifact(posixpath.basename(node.text), type, node.text, node, unit)
    _locate(node, result, resolver)
    if type is not None:
        return result
    found = f"the file {node.text!r} is there, but no artifact type has its extension"
    message = found if result.path else f"{node.text!r} is neither the name of an artifact here nor a file"
    hint = "write 'primary: { type: ..., file: ... }'"
    if lenient:
        resolver.report.warn("unknown-artifact", message, node, hint)
        return result
    if unit.implicit is not None and result.path:
        resolver.report.warn("unknown-artifact", message, node, hint)
        result.type = unit.implicit.implementation(resolver.types)
        return result
    if _is_path(node.text):
        resolver.report.warn("unknown-artifact", message, node, hint)
        return result
    resolver.report.error("unknown-artifact", message, node, hint)
    return None


def _is_path(text: str) -> bool:
    """Whether it is the name of a file rather than that of an artifact (sections 11.4, 11.5)."""
    return "/" in text or "." in text.strip(".")


def implement(
    result: dict[str, Any],
    definition: Implementation,
    unit: Unit,
    known: Mapping[str, Artifact],
    resolver: Resolver,
    lenient: bool = False,
) -> None:
    """Put the plain form of an implementation into `result`: ``artifact``, ``dependencies``, ``timeout``."""
    if definition.primary is not None:
        primary = _one(definition.primary, unit, known, resolver, lenient)
        if primary is not None:
            result["artifact"] = describe(primary, resolver)
    dependencies = [_one(one, unit, known, resolver, lenient) for one in definition.dependencies]
    result["dependencies"] = [describe(one, resolver) for one in dependencies if one is not None]
    if definition.timeout is not None:
        result["timeout"] = definition.timeout


def describe(artifact: Artifact, resolver: Resolver) -> dict[str, Value]:
    """Return the plain form of an artifact; the compiler adds ``blob`` where there is a file."""
    result: dict[str, Value] = {
        "name": artifact.name,
        "classes": list(artifact.type.classes) if artifact.type is not None else [],
        "file": artifact.place,
        "properties": artifact.properties,
    }
    for key in ("repository", "repository_url", "version", "checksum", "checksum_algorithm"):
        if getattr(artifact, key):
            result[key] = getattr(artifact, key)
    resolver.artifacts.append((artifact, result))
    return result


def _one(
    written: ArtifactDefinition | Node,
    unit: Unit,
    known: Mapping[str, Artifact],
    resolver: Resolver,
    lenient: bool,
) -> Artifact | None:
    if isinstance(written, ArtifactDefinition):
        if id(written) not in resolver.inline_artifacts:
            resolver.inline_artifacts[id(written)] = build(written, Scope(unit), resolver)
        return resolver.inline_artifacts[id(written)]
    if written.text in known:
        return known[written.text]
    return from_file(written, unit, resolver, lenient)


def _undeclared(definition: ArtifactDefinition, type: ArtifactType, owner: str, resolver: Resolver) -> None:
    for name, node in definition.properties.items():
        if name not in type.properties and not type.incomplete:
            hint = suggest(name, type.properties)
            resolver.report.warn("unknown-property", f"{owner} has no property {name!r}", node, hint, key=True)


def _checksum(definition: ArtifactDefinition, result: Artifact, resolver: Resolver) -> None:
    algorithm = definition.checksum_algorithm
    if definition.checksum is not None:
        result.checksum = definition.checksum.text
    if algorithm is None:
        if definition.checksum is not None:
            message = "a checksum needs 'checksum_algorithm'"
            resolver.report.error("missing-keyname", message, definition.node, "such as 'checksum_algorithm: SHA-256'")
        return
    name = algorithm.text.lower().replace("sha-", "sha").replace("_", "-")
    if name not in _ALGORITHMS:
        message = f"{algorithm.text!r} is not a checksum algorithm that is known here"
        resolver.report.error("unknown-algorithm", message, algorithm, suggest(name, _ALGORITHMS))
        return
    result.checksum_algorithm = name


def _repository(definition: ArtifactDefinition, result: Artifact, resolver: Resolver) -> None:
    if definition.repository is None:
        return
    name = definition.repository.text
    found = result.unit.repository(name)
    if found is None:
        hint = suggest(name, result.unit.names(REPOSITORIES))
        resolver.report.error("unknown-repository", f"there is no repository {name!r}", definition.repository, hint)
        return
    result.repository = name
    if found[1].url is not None:
        result.repository_url = found[1].url.text


def _elsewhere(file: Node, result: Artifact, resolver: Resolver) -> None:
    """Find a file that has a scheme or is in a repository; what is on a network is fetched when it is compiled.

    Where the artifact's type has no files, it is the name of something; a URL without a repository is for those who use
    the artifact, unless fetching it is allowed.
    """
    if result.type is None or not result.type.is_file:
        return
    if not result.repository and repositories.is_remote(file.text) and not repositories.is_allowed():
        return
    owner = result.unit.repository(result.repository) if result.repository else None
    try:
        if owner is not None:
            unit = owner[0]
            root = unit.base or ""
            source, path = repositories.within(unit.source, unit.path, result.repository_url, file.text, root)
        else:
            source, path = repositories.locate(result.unit.source, result.unit.path, file.text)
    except sources.SourceError:
        return
    if isinstance(source, repositories.WebSource) or source.exists(path):
        result.source, result.path = source, path
        resolver.known_artifacts.append(result)
    else:
        message = f"there is no file {file.text!r}"
        resolver.report.warn("missing-file", message, file, f"it was looked for in {source.root}")


def _locate(file: Node, result: Artifact, resolver: Resolver) -> None:
    """Find the file: beside the TOSCA file, if it is not the name of something else."""
    if not result.is_local:
        _elsewhere(file, result, resolver)
        return
    try:
        path = sources.resolve(result.unit.path, file.text, result.unit.base or "")
    except sources.SourceError as error:
        resolver.report.error("bad-file", str(error), file, error.hint)
        return
    if resolver.exists(result.unit.source, path):
        result.path = path
        resolver.known_artifacts.append(result)
    elif result.type is not None and result.type.is_file:
        message = f"there is no file {file.text!r}"
        resolver.report.warn("missing-file", message, file, f"it was looked for in {result.unit.source.root}")


def _by_extension(file: str, unit: Unit, resolver: Resolver) -> ArtifactType | None:
    """Return the artifact type, among those this file sees, with the longest extension that `file` has."""
    name = posixpath.basename(file)
    key = (id(unit), name)
    if key not in resolver.extensions:
        resolver.extensions[key] = _longest(name, unit, resolver)
    return resolver.extensions[key]


def _longest(name: str, unit: Unit, resolver: Resolver) -> ArtifactType | None:
    best: tuple[int, ArtifactType] | None = None
    for candidate in resolver.visible(Kind.ARTIFACT, unit):
        if not isinstance(candidate, ArtifactType):
            continue
        for extension in candidate.file_ext:
            suffix = "." + extension.lstrip(".")
            if name.endswith(suffix) and len(name) > len(suffix) and (best is None or len(suffix) > best[0]):
                best = (len(suffix), candidate)
    return best[1] if best is not None else None
