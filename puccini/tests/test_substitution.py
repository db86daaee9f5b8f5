"""Substitution (section 15): candidates, mappings in and out, services inside of nodes, and changes of them."""

from typing import Any

import pytest

import puccini
from floria.instantiation import InstantiationError

from .graphs import VERSION, Graphs

TYPES = (
    VERSION
    + """
capability_types:
  Host: { properties: { slots: { type: integer, default: 4 } } }
  Service: { attributes: { url: { type: string } } }
relationship_types:
  HostedOn: {}
  ServedBy:
    properties: { weight: { type: integer, default: 1 } }
    attributes: { latency: { type: integer } }
interface_types:
  Care: { operations: { backup: {}, check: {} } }
node_types:
  Compute: { capabilities: { host: Host } }
  Server: { capabilities: { service: Service } }
  Client:
    properties: { size: { type: string }, port: { type: integer, required: false } }
    attributes: { address: { type: string } }
    capabilities: { endpoint: Service, room: Host }
    interfaces: { care: { type: Care } }
    requirements:
    - service: { capability: Service, relationship: ServedBy, node: Server, count_range: [ 1, 4 ] }
    - place: { capability: Host, relationship: HostedOn, count_range: [ 0, 1 ] }
  ThinClient: { derived_from: Client }
  Software:
    properties: { level: { type: string, default: low } }
    capabilities: { endpoint: Service }
    requirements:
    - host: { capability: Host, relationship: HostedOn, count_range: [ 0, 1 ] }
    - service: { capability: Service, relationship: ServedBy, count_range: [ 0, UNBOUNDED ] }
  User: { requirements: [ uses: { capability: Service, relationship: ServedBy, count_range: [ 1, 1 ] } ] }
"""
)

MAIN = (
    VERSION
    + """
imports: [ types.yaml ]
service_template:
  inputs: { size: { type: string, default: small }, servers: { type: integer, default: 2 } }
  node_templates:
    server: { type: Server, count: 4 }
    client:
      type: Client
      directives: [ substitute ]
      properties: { size: { $get_input: size } }
      requirements: [ service: { node: server, count: { $get_input: servers } } ]
    user: { type: User, requirements: [ uses: client ] }
  outputs:
    address: { value: { $get_attribute: [ client, address ] } }
    url: { value: { $get_attribute: [ client, CAPABILITY, endpoint, url ] } }
"""
)


def inside(mappings: str, more: str = "", nodes: str = "", inputs: str = "{}", outputs: str = "{}") -> str:
    """Return a file with a substituting service of Software `soft`."""
    return f"""{VERSION}
imports: [ types.yaml ]
service_template:
  inputs: {inputs}
  substitution_mappings:
    node_type: Client
{mappings}
  node_templates:
    soft: {{ type: Software }}
{nodes}
  outputs: {outputs}
{more}
"""


def _services(*texts: str, main: str = MAIN) -> tuple[dict[str, str], tuple[str, ...]]:
    files = {f"inside{number}.yaml": text for number, text in enumerate(texts)}
    return {"types.yaml": TYPES, "main.yaml": main, **files}, tuple(files)


@pytest.fixture
def deploy(memory: Any) -> Any:
    def run(*texts: str, main: str = MAIN, **inputs: Any) -> Graphs:
        files, others = _services(*texts, main=main)
        made = Graphs()
        made.deploy(memory(files), inputs=inputs, others=others)
        return made

    return run


FILTERED = "    substitution_filter: {{ $equal: [ {{ $get_property: [ SELF, size ] }}, {} ] }}"
SMALL, LARGE = inside(FILTERED.format("small")), inside(FILTERED.format("large"))


def test_candidates_by_type_and_filter(deploy: Any) -> None:
    """T131: the first candidate whose type the node has and whose filter accepts it is inside of the node."""
    assert deploy(SMALL, LARGE).nodes() == [
        *("client", "client/inside0/soft", "server", "server[1]", "server[2]", "server[3]", "user")
    ]
    assert "client/inside1/soft" in deploy(SMALL, LARGE, size="large").nodes()


def test_the_more_specific_candidate_goes_first(deploy: Any) -> None:
    """T131: derived types are substituted too; a template for the very type before one for its parent."""
    thin = MAIN.replace("type: Client", "type: ThinClient")
    assert "client/inside0/soft" in deploy(inside(""), main=thin).nodes()
    special = inside("").replace("node_type: Client", "node_type: ThinClient")
    assert "client/inside1/soft" in deploy(inside(""), special, main=thin).nodes()
    with pytest.raises(puccini.Failed) as caught:
        deploy(special)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.line) == ("no-substitution", 10)
    assert problem.hint == "there are: inside0.yaml substitutes ThinClient"


def test_no_candidate_is_explained(deploy: Any) -> None:
    """T131, R83: when no filter accepts the node, each candidate is named with the reason."""
    with pytest.raises(InstantiationError) as caught:
        deploy(SMALL, LARGE, size="huge")
    (problem,) = caught.value.problems
    assert problem.code == "tosca.no-substitution"
    assert "inside0: $equal: [ $get_property: [ SELF, size ], small ] is false" in problem.message
    assert "inside1: $equal: [ $get_property: [ SELF, size ], large ] is false" in problem.message


def test_a_candidate_is_valid_by_itself(deploy: Any) -> None:
    """T132, T134: what is wrong in a substituting template is said when the service is compiled."""
    with pytest.raises(puccini.Failed) as caught:
        deploy(inside("", inputs="{ must: { type: string } }", nodes="    x: { type: Nothing }"))
    found = [(one.file, one.code) for one in caught.value.diagnostics]
    assert found == [("inside0.yaml", "unmapped-input"), ("inside0.yaml", "unknown-type")]


def test_property_mappings(deploy: Any) -> None:
    """T133, T144: inputs get the values of the node, its capabilities and relationships; else their defaults."""
    mappings = """    properties:
      size: a
      port: b
      [ CAPABILITY, room, slots ]: c
      [ RELATIONSHIP, service, weight ]: d
      [ RELATIONSHIP, service, 1, weight ]: e
      [ RELATIONSHIP, service, ALL, weight ]: f"""
    inputs = """
    a: { type: string }
    b: { type: integer, default: 80 }
    c: { type: integer }
    d: { type: integer }
    e: { type: integer }
    f: { type: list, entry_schema: integer }"""
    weighted = MAIN.replace(
        "{ node: server, count: { $get_input: servers } }",
        "{ node: server, count: 2, relationship: { properties: { weight: { $sum: [ $relationship_index, 5 ] } } } }",
    )
    graphs = deploy(inside(mappings, inputs=inputs), main=weighted)
    found = {name: graphs.value("client/inside0", name) for name in "abcdef"}
    assert found == {"a": "small", "b": 80, "c": 4, "d": 5, "e": 6, "f": [5, 6]}


def test_types_of_mappings() -> None:
    """T133, T135: what is mapped has the type of where it goes; with ALL, lists have entries of that type."""
    from .conftest import MemorySource

    files, _ = _services(
        inside(
            """    properties: { size: a, [ RELATIONSHIP, service, ALL, weight ]: b }
    attributes: { address: n, [ RELATIONSHIP, service, ALL, latency ]: n }""",
            inputs="{ a: { type: integer }, b: { type: integer } }",
            outputs="{ n: { type: integer, value: 1 } }",
        )
    )
    found = puccini.load(MemorySource(files), "inside0.yaml").diagnostics
    assert [(one.code, one.message.partition(",")[0]) for one in found] == [
        ("wrong-type", "'size' is string"),
        ("wrong-type", "with ALL"),
        ("wrong-type", "the output is integer"),
        ("wrong-type", "with ALL"),
    ]


def test_attribute_mappings(deploy: Any) -> None:
    """T135, T144: attributes of the node, its capabilities and relationships get the values of outputs."""
    mappings = """    properties: { size: size }
    attributes:
      address: size
      [ CAPABILITY, endpoint, url ]: url
      [ RELATIONSHIP, service, ALL, latency ]: latencies"""
    outputs = """
    size: { value: { $concat: [ at-, { $get_property: [ soft, level ] } ] } }
    url: { value: { $concat: [ "http://", { $get_input: size } ] } }
    latencies: { type: list, entry_schema: integer, value: [ 10, 20 ] }"""
    graphs = deploy(inside(mappings, inputs="{ size: { type: string } }", outputs=outputs), servers=3)
    assert graphs.output("address") == "at-low"
    assert graphs.output("url") == "http://small"
    found = [graphs.value(f"client-service{index}", "latency") for index in ("", "[1]", "[2]")]
    assert found == [10, 20, "!tosca.unmapped"]


def test_an_output_is_checked_as_the_attribute_is(deploy: Any) -> None:
    """T135, T171: a value from inside is validated as every value of the attribute is."""
    graphs = deploy(inside("    attributes: { address: out }", outputs="{ out: { value: 5 } }"))
    assert graphs.output("address") == "!tosca.invalid"
    assert deploy(inside("")).output("address") == "!floria.unset"


def test_capability_mappings(deploy: Any) -> None:
    """T136: from outside one leads to the node's capability; that leads on to the one inside."""
    graphs = deploy(inside("    capabilities: { endpoint: [ soft, endpoint ] }"))
    assert graphs.edges("uses") == ["user -> client/endpoint"]
    assert graphs.edges("mapped") == ["client/endpoint -> client/inside0/soft/endpoint"]


def test_inside_and_outside_are_apart(deploy: Any) -> None:
    """T136, T144: nothing outside finds what is inside, and nothing inside finds what is not passed to it."""
    dangling = MAIN.replace("uses: client", "uses: { capability: Service }").replace("count: 4", "count: 2")
    graphs = deploy(inside(""), main=dangling)
    assert "inside" not in graphs.edges("uses")[0]
    closed = inside("", nodes="    friend: { type: User }").replace("{ type: Software }", "{ type: Compute }")
    with pytest.raises(InstantiationError) as caught:
        deploy(closed)
    reasons = {one.label: one.reason for one in caught.value.problems[0].refusals}
    assert reasons["shop/server/service"] == "it is in another service"


TWO = "    soft2: { type: Software }\n    soft3: { type: Software }"


@pytest.mark.parametrize(
    ("requirements", "servers", "expected"),
    [
        ("[ service: [ soft, service ] ]", 3, {"soft": [0, 1, 2]}),
        ("[ service: [ soft, service ], service: [ soft2, service ] ]", 3, {"soft": [0], "soft2": [1]}),
        ("[ service: [ soft, service ], service: [ soft, service ] ]", 2, {"soft": [0, 1]}),
        ("[ [ service, 2 ]: [ soft, service ], service: [ soft2, service ] ]", 3, {"soft": [0, 1], "soft2": [2]}),
        ("[ service: [ [ soft, service ], [ soft2, service ] ] ]", 1, {"soft": [0], "soft2": [0]}),
        (
            "[ service: [ soft, service ], service: [ soft2, service ], [ service, UNBOUNDED ]: [ soft, service ] ]",
            4,
            {"soft": [0, 2, 3], "soft2": [1]},
        ),
        ("[ service: [ soft, service ], service: [ soft2, service ] ]", 1, {"soft": [0]}),
    ],
)
def test_requirement_mappings(requirements: str, servers: int, expected: dict[str, list[int]], deploy: Any) -> None:
    """T137, T138, T141: one maps all, several go in order, with counts and UNBOUNDED; onto several, each gets all."""
    graphs = deploy(inside(f"    requirements: {requirements}", nodes=TWO), servers=servers)
    found: dict[str, list[int]] = {}
    outer = [edge.partition(" -> ")[2] for edge in graphs.edges("service") if edge.startswith("client -> ")]
    for edge in graphs.edges("service"):
        source, _, target = edge.partition(" -> ")
        if source != "client":
            found.setdefault(source.removeprefix("client/inside0/"), []).append(outer.index(target))
    assert {name: sorted(indexes) for name, indexes in found.items()} == expected


def test_what_is_mandatory_inside_goes_first(deploy: Any) -> None:
    """T140, T142: with fewer relationships than mappings, those onto requirements that are not optional are done."""
    mappings = "    requirements: [ service: [ soft, service ], service: [ soft2, service ] ]"
    nodes = "    soft2: { type: Software, requirements: [ service: { optional: false } ] }"
    graphs = deploy(inside(mappings, nodes=nodes), servers=1)
    assert graphs.edges("service") == ["client -> server/service", "client/inside0/soft2 -> server/service"]


def test_only_dangling_requirements_are_mapped() -> None:
    """T139: rule 1."""
    from .conftest import MemorySource

    nodes = "    soft2: { type: Software, requirements: [ service: soft ] }"
    files, _ = _services(inside("    requirements: [ service: [ soft2, service ] ]", nodes=nodes))
    (problem,) = puccini.load(MemorySource(files), "inside0.yaml").diagnostics
    assert problem.code == "bad-mapping"


def test_selectable_nodes_are_passed(deploy: Any) -> None:
    """T137: the node that a requirement of the outside leads to is the node that is selected inside, under its name."""
    main = MAIN.replace("    user:", "    box: { type: Compute }\n    box2: { type: Compute }\n    user:").replace(
        "requirements: [ service:", "requirements: [ place: box2, service:"
    )
    nodes = """    soft2: { type: Software, requirements: [ host: box ] }
    soft3: { type: Software, requirements: [ host: box ] }
    box: { type: Compute, directives: [ select ] }"""
    graphs = deploy(inside("    requirements: [ place: box ]", nodes=nodes), main=main)
    assert graphs.edges("select") == ["client/inside0/box -> box2"]
    assert graphs.edges("host") == [
        "client/inside0/soft2 -> box2/host",
        "client/inside0/soft3 -> box2/host",
    ]


def test_each_representation_has_its_own_inside(deploy: Any) -> None:
    """T144, T106: a substituted node with several representations has a service in each."""
    main = MAIN.replace("      directives:", "      count: 2\n      directives:").replace(
        "uses: client", "uses: server"
    )
    graphs = deploy(inside("    capabilities: { endpoint: [ soft, endpoint ] }"), main=main)
    assert graphs.edges("mapped") == [
        "client/endpoint -> client/inside0/soft/endpoint",
        "client[1]/endpoint -> client[1]/inside0/soft/endpoint",
    ]


def test_nested_substitution(deploy: Any) -> None:
    """T145: what is inside may have nodes that are substituted themselves; inputs and outputs go all the way."""
    outer = inside(
        "    properties: { size: size }\n    attributes: { address: where }\n"
        "    requirements: [ service: [ middle, service ] ]",
        inputs="{ size: { type: string } }",
        nodes="    middle:\n      type: ThinClient\n      directives: [ substitute ]\n"
        "      properties: { size: { $get_input: size } }",
        outputs="{ where: { value: { $get_attribute: [ middle, address ] } } }",
    )
    inner = inside(
        "    properties: { size: size }\n    attributes: { address: where }\n"
        "    requirements: [ service: [ soft, service ] ]",
        inputs="{ size: { type: string } }",
        outputs="{ where: { value: { $concat: [ deep-, { $get_input: size } ] } } }",
    ).replace("node_type: Client", "node_type: ThinClient")
    graphs = deploy(outer, inner)
    assert graphs.output("address") == "deep-small"
    assert "client/inside0/middle/inside1/soft -> server/service" in graphs.edges("service")


def test_no_inside_without_end(deploy: Any) -> None:
    """T145: a template is not inside of itself."""
    endless = inside("", nodes="    again: { type: Client, directives: [ substitute ], properties: { size: s } }")
    with pytest.raises(puccini.Failed) as caught:
        deploy(endless)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.file) == ("no-substitution", "inside0.yaml")
    assert "never ends" in problem.hint


def test_substitution_follows_changes(memory: Any, deploy: Any) -> None:
    """T146: with other inputs another template may fit; the node stays, what was inside goes and the other comes."""
    graphs = deploy(SMALL, LARGE)
    node = {one.id for one in graphs.current().vertexes.values() if one.name == "client"}
    files, others = _services(SMALL, LARGE)
    graphs.update("shop", {"size": "large"}, memory(files), others)
    assert [one for one in graphs.nodes() if one.startswith("client")] == ["client", "client/inside1/soft"]
    assert {one.id for one in graphs.current().vertexes.values() if one.name == "client"} == node
    both = inside("")
    files, others = _services(both, LARGE)
    graphs.update("shop", {"size": "large"}, memory(files), others)
    assert "client/inside1/soft" in graphs.nodes(), "what fits still stays"


def test_directives_in_order(deploy: Any) -> None:
    """T104: what is not substituted is created; substituted and created, in the order of the directives."""
    created = MAIN.replace("[ substitute ]", "[ substitute, create ]")
    graphs = deploy(SMALL, main=created, size="huge")
    assert [one for one in graphs.nodes() if one.startswith("client")] == ["client"]
    assert "client/inside0/soft" in deploy(SMALL, main=created).nodes()
    assert deploy(main=created).nodes() == ["client", "server", "server[1]", "server[2]", "server[3]", "user"]
    first = MAIN.replace("[ substitute ]", "[ create, substitute ]")
    assert "client/inside0/soft" not in deploy(SMALL, main=first).nodes()


def test_candidates_are_imported_too(memory: Any) -> None:
    """T145: an imported file's service is no part of the importing one, but may substitute its nodes."""
    files, _ = _services(inside(""))
    files["main.yaml"] = files["main.yaml"].replace("[ types.yaml ]", "[ types.yaml, inside0.yaml ]")
    graphs = Graphs()
    graphs.deploy(memory(files))
    assert "client/inside0/soft" in graphs.nodes()
