"""Puts a bundle together: a service, and the services inside of its substituted nodes."""

from collections.abc import Sequence

from floria import ids
from floria.entities import Bundle, Class, EdgeTemplate, VertexTemplate
from floria.garbage import uncollected
from puccini.compilation import blobs, content, refusals, services
from puccini.compilation.state import State
from puccini.diagnostics import Diagnostic, Failed, Report
from puccini.grammar.types import Kind
from puccini.loading import Loaded


def compile(loaded: Loaded, name: str = "", candidates: Sequence[Loaded] = ()) -> Bundle:
    """Return the service as a self-contained bundle.

    `name` tells services in one directory apart; without it, the file's ``template_name`` or name is used. Ids are
    derived from it and from the names in the service, so compiling twice gives the same bundle. `candidates` are the
    files whose services can substitute nodes (`puccini.candidates`). Raises `puccini.diagnostics.Failed` when a file
    has errors, has no service template, or asks for what cannot be.
    """
    for one in (loaded, *candidates):
        if one.failed:
            raise Failed([found for found in one.diagnostics if found.severity == "error"])
    service = loaded.service
    if service is None or loaded.resolver is None or loaded.entry is None:
        file = loaded.entry.name if loaded.entry is not None else ""
        message = "there is no service template in this file"
        raise Failed([Diagnostic(code="no-service", message=message, file=file, hint="compile the file that has one")])
    report = Report(loaded.strict, loaded.origins)
    state = State(name or services.name(loaded), loaded, report, candidates)
    with uncollected():
        found: dict[str, str] = {}
        for one in (loaded, *candidates):
            refusals.check(one, report)
            found.update(blobs.gather(one, report))
        if report.failed:
            raise Failed(report.sorted())
        state.blobs = found
        for one in (loaded, *candidates):
            _add_digests(one, state)
        bundle = _bundle(loaded, state)
        if report.failed:
            raise Failed(report.sorted())
        return bundle


def _bundle(loaded: Loaded, state: State) -> Bundle:
    root = services.vertex(state)
    everything = [root, *content.templates(root, state)]
    vertexes = tuple(one for one in everything if isinstance(one, VertexTemplate))
    links = tuple(one for one in everything if isinstance(one, EdgeTemplate))
    return Bundle(
        root=root.id,
        classes=_classes([*vertexes, *links], state),
        vertexes=vertexes,
        edges=links,
        blobs=dict(sorted(state.blobs.items())),
        metadata={"tosca.file": loaded.entry.name if loaded.entry is not None else ""},
    )


def _add_digests(loaded: Loaded, state: State) -> None:
    assert loaded.resolver is not None
    for artifact, plain in loaded.resolver.artifacts:
        digest = state.digest(artifact)
        if digest is not None:
            plain["blob"] = digest


def _classes(everything: list[VertexTemplate | EdgeTemplate], state: State) -> tuple[Class, ...]:
    """Return a class for every name that entities carry, with the ancestors of all types (of any kind) of that name."""
    used: set[str] = set()
    for one in everything:
        used.update(one.classes)
    parents: dict[str, dict[str, None]] = {}
    ancestors: dict[str, dict[str, None]] = {}
    resolvers = {id(part.resolver): part.resolver for part in state.every()}
    for type in (type for resolver in resolvers.values() for type in resolver.types.values()):
        if type.class_name in used and type.kind is not Kind.DATA:
            above = dict.fromkeys(type.classes[1:])
            parents.setdefault(type.class_name, {}).update(dict.fromkeys(type.classes[1:2]))
            ancestors.setdefault(type.class_name, {}).update(above)
    return tuple(
        Class(
            id=ids.derive("class", name),
            name=name,
            parents=tuple(parents.get(name, ())),
            classes=tuple(ancestors.get(name, ())),
        )
        for name in sorted(used)
    )
