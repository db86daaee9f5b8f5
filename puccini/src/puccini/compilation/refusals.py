"""What is valid TOSCA but has no meaning here yet: refused by name, with its place, when a service is compiled."""

from puccini.diagnostics import Report
from puccini.loading import Loaded
from puccini.model.service import NodeTemplate, RequirementUse, Service
from puccini.nodes import Node

UNSUPPORTED = "unsupported"


def check(loaded: Loaded, report: Report) -> None:
    """Report everything in the service that cannot be compiled."""
    service, resolver = loaded.service, loaded.resolver
    assert service is not None
    assert resolver is not None
    for template in service.nodes.values():
        _node(template, report)
        for use in template.requirements:
            _requirement(use, report)
    _attributes(service, report)
    for artifact, _ in resolver.artifacts:
        if artifact.type is not None and artifact.type.is_file and not artifact.path and artifact.is_local:
            message = f"there is no file {artifact.file!r}, which an operation or function runs"
            report.error("missing-file", message, artifact.node, f"it was looked for in {artifact.unit.source.root}")
    for artifact in resolver.built_artifacts:
        if artifact.repository:
            message = f"the artifact {artifact.name or artifact.file!r} is in a repository"
            _refuse(message, artifact.node, "12.2", report, "put its file into the service's own folder")


def _node(template: NodeTemplate, report: Report) -> None:
    for directive in template.directives:
        if directive.text != "create":
            _refuse(f"the directive {directive.text!r}", directive, "7.2.1", report)
    for use in template.capabilities.values():
        if use.directives:
            _refuse(f"directives of the capability {use.name!r}", use.node, "8.3", report)


def _requirement(use: RequirementUse, report: Report) -> None:
    if len(use.directives) > 1:
        _refuse("an order of 'internal' and 'external'", use.directives[0], "8.5", report, "name only one of them")


def _attributes(service: Service, report: Report) -> None:
    for template in service.nodes.values():
        if template.type is None:
            continue
        for name in template.attributes:
            if name not in template.type.attributes:
                _refuse(
                    f"another initial value for the attribute of the property {name!r}", template.node, "9.6", report
                )


def _refuse(what: str, node: Node, section: str, report: Report, hint: str = "") -> None:
    report.error(UNSUPPORTED, f"{what} is not supported yet (section {section})", node, hint)
