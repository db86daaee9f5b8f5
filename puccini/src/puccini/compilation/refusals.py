"""What can be read but not compiled: files that are not here."""

from puccini import repositories
from puccini.diagnostics import Report
from puccini.loading import Loaded


def check(loaded: Loaded, report: Report) -> None:
    """Report everything in the service that cannot be compiled."""
    resolver = loaded.resolver
    assert resolver is not None
    for artifact, _ in resolver.artifacts:
        if artifact.type is None and artifact.is_local:
            message = f"{artifact.file!r} cannot be run: it has no artifact type"
            report.error("unknown-artifact", message, artifact.node, "write 'primary: { type: ..., file: ... }'")
        elif artifact.type is not None and artifact.type.is_file and not artifact.path and artifact.is_local:
            message = f"there is no file {artifact.file!r}, which an operation or function runs"
            report.error("missing-file", message, artifact.node, f"it was looked for in {artifact.unit.source.root}")
    run = {id(artifact) for artifact, _ in resolver.artifacts}
    for artifact in resolver.built_artifacts:
        if artifact.repository and artifact.type is not None and artifact.type.is_file and not artifact.path:
            message = f"the file {artifact.file!r} of the repository {artifact.repository!r} is not here"
            hint = f"the repository is {artifact.repository_url}"
            if repositories.is_remote(artifact.repository_url):
                hint += "; nothing is fetched over the network unless that is allowed (--allow-network)"
            unused = hasattr(artifact.node.document, "original") and id(artifact) not in run
            (report.warn if unused else report.error)("missing-file", message, artifact.node, hint)
