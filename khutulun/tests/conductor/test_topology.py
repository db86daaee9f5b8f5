"""How nodes are found by the names that users call them."""

import pytest

from floria import ids
from floria.entities import Vertex
from floria.store.memory import MemoryStore
from khutulun import model
from khutulun.conductor import topology

NAMES = (
    "web",
    "web-0",
    "web-1",
    "web-2",
    "web-01",
    "db",
    "db-0",
    "db-1",
    "db-2",
    "db-1-0",
    "root",
    "endpoint",
    "",
    "-1",
)


def _node(root: Vertex, name: str, index: int = 0) -> Vertex:
    return Vertex(id=ids.new(), name=name, index=index, parent=root.id, directory="/s", classes=(topology.NODE,))


def _looked_up(store: MemoryStore, root: Vertex, name: str) -> tuple[str, str]:
    with store.read() as reader:
        try:
            whole: str = topology.load(reader, root).find(name).id
        except model.Refused as refused:
            whole = str(refused.problems)
        try:
            return whole, topology.find(reader, root, name).id
        except model.Refused as refused:
            return whole, str(refused.problems)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("others", [(), ("db-1",), ("web-1",), ("db-1", "db-1")])
def test_a_node_is_found_by_its_name_alone_as_in_the_whole_service(name: str, others: tuple[str, ...]) -> None:
    store = MemoryStore()
    root = Vertex(id=ids.new(), name="s", directory="/s", classes=(topology.SERVICE,))
    web = _node(root, "web")
    endpoint = Vertex(id=ids.new(), name="endpoint", parent=web.id, directory="/s", classes=("tosca:capability",))
    several = [_node(root, "db", index) for index in range(3)]
    more = [_node(root, other, place) for place, other in enumerate(others)]
    with store.write() as tx:
        for one in (root, web, endpoint, *several, *more):
            tx.put(one)
    whole, alone = _looked_up(store, root, name)
    assert alone == whole
