"""Puts a bundle together: the service's own vertex, then nodes, groups, policies and workflows below it, then edges."""

import posixpath

from floria import ids
from floria.entities import Bundle, Class, EdgeTemplate, Property, VertexTemplate
from puccini.compilation import blobs, edges, nodes, policies, properties, refusals, workflows
from puccini.compilation.marks import INPUT, OUTPUT, REQUIRED, SERVICE
from puccini.compilation.state import State
from puccini.diagnostics import Diagnostic, Failed, Report
from puccini.grammar.types import Kind
from puccini.loading import Loaded, uncollected
from puccini.model.data import UNSET
from puccini.model.service import Service


def compile(loaded: Loaded, name: str = "") -> Bundle:
    """Return the service as a self-contained bundle.

    `name` tells services in one directory apart; without it, the file's ``template_name`` or name is used. Ids are
    derived from it and from the names in the service, so compiling twice gives the same bundle. Raises
    `puccini.diagnostics.Failed` when the file has errors, has no service template, or uses what is not supported.
    """
    if loaded.failed:
        raise Failed([found for found in loaded.diagnostics if found.severity == "error"])
    service = loaded.service
    if service is None or loaded.resolver is None or loaded.entry is None:
        file = loaded.entry.name if loaded.entry is not None else ""
        message = "there is no service template in this file"
        raise Failed([Diagnostic(code="no-service", message=message, file=file, hint="compile the file that has one")])
    report = Report(loaded.strict, loaded.origins)
    refusals.check(loaded, report)
    state = State(name or _name(loaded, service), loaded.resolver)
    with uncollected():
        state.blobs = blobs.gather(loaded, report)
        if report.failed:
            raise Failed(report.sorted())
        _add_digests(state)
        return _bundle(service, loaded, state)


def _bundle(service: Service, loaded: Loaded, state: State) -> Bundle:
    root = _service(service, state)
    vertexes: list[VertexTemplate] = [root]
    links: list[EdgeTemplate] = []
    triggers = policies.handlers(service, state)
    for template in service.nodes.values():
        vertexes.extend(nodes.vertexes(template, root, triggers.get(template.name, ()), state))
        links.extend(edges.edges(template, state))
    vertexes.extend(policies.vertexes(service, root, triggers, state))
    vertexes.extend(workflows.vertexes(service, root, state))
    return Bundle(
        root=root.id,
        classes=_classes(vertexes, links, state),
        vertexes=tuple(vertexes),
        edges=tuple(links),
        blobs=dict(sorted(state.blobs.items())),
        metadata={"tosca.file": loaded.entry.name if loaded.entry is not None else ""},
    )


def _add_digests(state: State) -> None:
    for artifact, plain in state.resolver.artifacts:
        digest = state.digest(artifact)
        if digest is not None:
            plain["blob"] = digest


def _service(service: Service, state: State) -> VertexTemplate:
    found: dict[str, Property] = {}
    for name, definition in service.inputs.items():
        needed = definition.required and definition.initial is UNSET
        found[name] = properties.build(definition, definition.initial, (INPUT, REQUIRED) if needed else (INPUT,))
    for name, definition in service.outputs.items():
        key = name if name not in found else f"output:{name}"
        found[key] = properties.build(definition, definition.initial, OUTPUT)
    return VertexTemplate(
        id=state.id("service"),
        name=state.name,
        classes=(SERVICE,),
        properties=found,
        metadata=properties.metadata(service.node, service.metadata, service.description),
    )


def _classes(vertexes: list[VertexTemplate], links: list[EdgeTemplate], state: State) -> tuple[Class, ...]:
    """Return a class for every name that entities carry, with the ancestors of all types (of any kind) of that name."""
    used: set[str] = set()
    for one in (*vertexes, *links):
        used.update(one.classes)
    parents: dict[str, dict[str, None]] = {}
    ancestors: dict[str, dict[str, None]] = {}
    for type in state.resolver.types.values():
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


def _name(loaded: Loaded, service: Service) -> str:
    assert loaded.entry is not None
    written = loaded.entry.file.metadata.get("template_name") or service.metadata.get("template_name")
    if isinstance(written, str) and written:
        return written
    return posixpath.splitext(posixpath.basename(loaded.entry.path))[0]
