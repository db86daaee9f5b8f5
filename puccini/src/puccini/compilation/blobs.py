"""The files of artifacts: their content, digests and checksums (section 12.2)."""

import hashlib
from collections.abc import Iterator

from puccini import sources
from puccini.diagnostics import Report
from puccini.loading import Loaded
from puccini.model.types import Artifact


def gather(loaded: Loaded, report: Report) -> dict[str, str]:
    """Return path to digest of every artifact's file. Reports files that cannot be read, and wrong checksums."""
    assert loaded.resolver is not None
    found: dict[str, str] = {}
    for artifact in loaded.resolver.known_artifacts:
        path = sources.display(artifact.source, artifact.path)
        if path in found and not artifact.checksum:
            continue
        try:
            content = artifact.source.read(artifact.path)
        except sources.SourceError as error:
            report.error("unreadable-file", str(error), artifact.node, error.hint)
            continue
        found[path] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        _verify(artifact, content, report)
    return found


def read(loaded: Loaded) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of every artifact's file, each once: what `Bundle.blobs` names by digest."""
    for source, path in loaded.artifacts:
        yield sources.display(source, path), source.read(path)


def _verify(artifact: Artifact, content: bytes, report: Report) -> None:
    if not artifact.checksum or not artifact.checksum_algorithm:
        return
    actual = hashlib.new(
        artifact.checksum_algorithm.replace("sha3-", "sha3_"), content, usedforsecurity=False
    ).hexdigest()
    if actual != artifact.checksum.lower():
        message = f"the file {artifact.file!r} does not have the checksum that is given"
        report.error("wrong-checksum", message, artifact.node, f"its {artifact.checksum_algorithm} is {actual}")
