"""Whether as many relationships can lead to a capability as must, which TOSCA 1.x says with ``occurrences``.

`puccini.semantics.service` asks when everything in a service is known. Which target an open requirement finds is
decided when the service is instantiated; here it counts as if it found this one, so that what is said is certain.
"""

from collections import defaultdict

from floria.values import Value
from puccini.model.service import NodeTemplate, RequirementUse, Service
from puccini.model.types import Capability, NodeType
from puccini.semantics import linking
from puccini.semantics.resolver import Resolver

_Use = tuple[NodeTemplate, RequirementUse]


def check(service: Service, resolver: Resolver) -> None:
    """Warn of every capability of a node in `service` that fewer relationships can lead to than it asks for."""
    asking = [
        (template, capability, least)
        for template in service.nodes.values()
        if template.type is not None and not template.type.incomplete and not template.selects
        for capability in template.type.capabilities.values()
        if (least := _least(template, capability)) > 0
    ]
    if not asking:
        return
    mapped = set(service.mappings.capabilities.values()) if service.mappings is not None else set()
    uses = _Uses(service)
    for template, capability, least in asking:
        found = uses.to(template, capability, least)
        if found < least and (template.name, capability.name) not in mapped:
            _report(template, capability, least, found, resolver)


def _least(template: NodeTemplate, capability: Capability) -> int:
    use = template.capabilities.get(capability.name)
    return use.least if use is not None and use.least is not None else capability.least


class _Uses:
    """The requirements of a service by what they may lead to."""

    def __init__(self, service: Service) -> None:
        self._pinned: dict[str, list[_Use]] = defaultdict(list)
        self._open: list[_Use] = []
        self._known: dict[tuple[NodeType, Capability, int], int] = {}
        for source in service.nodes.values():
            for use in source.requirements if source.type is not None else ():
                if use.target is None:
                    self._open.append((source, use))
                else:
                    self._pinned[use.target.name].append((source, use))

    def to(self, template: NodeTemplate, capability: Capability, least: int) -> int:
        """Return how many relationships can lead to a capability of a node; at most `least` are counted."""
        type = template.type
        assert type is not None
        key = (type, capability, least)
        if key not in self._known:
            self._known[key] = _count(self._open, type, capability, least)
        return min(least, self._known[key] + _count(self._pinned[template.name], type, capability, least))


def _count(uses: list[_Use], type: NodeType, capability: Capability, least: int) -> int:
    found = 0
    for source, use in uses:
        if found >= least:
            break
        if use.node_type is not None and not (use.target is not None or type.derives(use.node_type)):
            continue
        assert source.type is not None
        if not linking.refusal(use, capability, source.type, type):
            found += _number(source.count, least) if use.count != 0 else 0
    return min(found, least)


def _number(count: Value, least: int) -> int:
    """Return how many nodes there are of a template: enough, when that is only known later."""
    return count if isinstance(count, int) else least


def _report(template: NodeTemplate, capability: Capability, least: int, found: int, resolver: Resolver) -> None:
    use = template.capabilities.get(capability.name)
    node = use.node if use is not None else template.node
    many = "relationship" if least == 1 else "relationships"
    message = f"at least {least} {many} must lead to the capability {capability.name!r} of {template.name!r}, "
    message += f"and {'only ' if found else ''}{found or 'none'} can"
    hint = f"add a requirement that leads to it, or write occurrences: [ {found}, UNBOUNDED ]"
    resolver.report.warn("few-relationships", message, node, hint, key=True, related=capability.node)
