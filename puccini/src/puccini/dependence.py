"""What depends on types that were edited: by names, which is how everything in TOSCA 2.0 refers to everything.

Called by `puccini.session`. A definition depends on those whose names occur anywhere in it, and on what these depend
on; an occurrence that means something else only makes more be looked at than has to be.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from typing import Any, Final

from puccini import yaml
from puccini.grammar.templates import NodeTemplate
from puccini.grammar.types import Kind
from puccini.model.data import BUILT_IN
from puccini.model.type import Type
from puccini.nodes import Node

_FURTHER: Final = frozenset({"RELATIONSHIP", "SOURCE", "TARGET", "HOST"})
"""What a path says that leads beyond the node that it names."""

LATER: Final = frozenset({"node_templates", "outputs", "groups", "policies", "workflows", "substitution_mappings"})
"""What of a service template is resolved again whenever anything is."""


class Names:
    """The texts in definitions, each read once; texts of types are without the namespaces before them."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Node, frozenset[str], frozenset[str], bool]] = {}

    def of(self, node: Node) -> tuple[frozenset[str], frozenset[str], bool]:
        """Return all texts, their last parts, and whether there may be paths over several nodes."""
        known = self._texts.get(id(node))
        if known is None:
            texts = frozenset(_strings(node.value))
            last = frozenset(text.rpartition(":")[2] if ":" in text else text for text in texts)
            known = self._texts[id(node)] = (node, texts, last, not texts.isdisjoint(_FURTHER))
        return known[1:]

    def types(self, changed: Collection[Type], known: Iterable[Type]) -> list[Type]:
        """Return the types that changed and all that depend on them."""
        others = [type for type in known if type.definition is not None and type not in changed]
        names = {type.name for type in changed}
        return [*changed, *self._closure(names, others, self._in_type, lambda type: type.name)]

    def templates(self, types: Set[str], known: Mapping[str, NodeTemplate], far: Set[str]) -> list[str]:
        """Return the names of the node templates for which types of these names, or nodes of such types, matter.

        `far` are those whose types have paths over several nodes.
        """
        first = {name for name, one in known.items() if not types.isdisjoint(self.of(one.node)[1])}
        beside = {name for name, one in known.items() if not first.isdisjoint(self.of(one.node)[0])}
        found = first | beside
        found.update(self.beyond(found, known, far))
        return [name for name in known if name in found]

    def beyond(self, names: Set[str], known: Mapping[str, NodeTemplate], far: Set[str]) -> list[str]:
        """Return the names of the other node templates whose paths may lead over the requirements of some."""
        reach = self._closure(names, list(known), lambda name: self.of(known[name].node)[0], lambda name: name)
        return [name for name in reach if name not in names and (name in far or self.of(known[name].node)[2])]

    def _in_type(self, type: Type) -> frozenset[str]:
        return self.of(type.node)[1]

    @staticmethod
    def _closure(
        names: Collection[str], others: list[Any], texts: Callable[[Any], frozenset[str]], name: Callable[[Any], str]
    ) -> list[Any]:
        users: dict[str, list[Any]] = {}
        for one in others:
            for text in texts(one):
                users.setdefault(text, []).append(one)
        found: dict[int, Any] = {}
        waiting = list(names)
        while waiting:
            for one in users.get(waiting.pop(), ()):
                if id(one) not in found:
                    found[id(one)] = one
                    waiting.append(name(one))
        return list(found.values())


def stays(type: Type) -> bool:
    """Whether what is reported of a type when it is declared, by nobody in particular, is nothing."""
    assert type.definition is not None
    assert type.unit is not None
    if type.kind is Kind.DATA and type.name in (*BUILT_IN, "any"):
        return False
    if type.kind.value not in type.unit.root.document.value or type.name.startswith("$"):
        return False
    known = type.parent is None or type.parent.unit is not None or type.parent.name in BUILT_IN
    return known and (type.parent is not None or type.definition.derived_from is None)


def derives_alike(type: Type, new: yaml.Document, place: tuple[Kind, str]) -> bool:
    """Whether a type is a map still, and derives from what it did."""
    assert type.definition is not None
    written = new.value[place[0].value][place[1]]
    if not isinstance(written, dict) or not isinstance(written.get("derived_from", ""), str):
        return False
    before = type.definition.derived_from
    return bool(written.get("derived_from", "") == (before.text if before is not None else ""))


def _strings(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            stack.extend(one.values())
            yield from (key for key in one if isinstance(key, str) and key.startswith("$"))
        elif isinstance(one, list):
            stack.extend(one)
