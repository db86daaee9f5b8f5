"""A service in TOSCA 1.x of any size, for comparisons with other processors of TOSCA 1.x.

`service` gives the template, which is valid for Puccini without a warning and for tosca-parser; `SCRIPT` is the file
that its operations name and that has to be beside it.

    python -m benchmarks.simple 400 > service.yaml
"""

import sys

SCRIPT = "operate.sh"

HEAD = """tosca_definitions_version: tosca_simple_yaml_1_3

description: Web applications, each with a database, on machines of their own.

node_types:
  example.nodes.Shop:
    derived_from: tosca.nodes.WebApplication
    properties:
      title: { type: string, constraints: [ min_length: 3, max_length: 40 ] }
      workers: { type: integer, default: 2, constraints: [ in_range: [ 1, 64 ] ] }
      language: { type: string, default: en, constraints: [ valid_values: [ en, de, fr ] ] }
    requirements:
      - database:
          capability: tosca.capabilities.Endpoint.Database
          node: tosca.nodes.Database
          relationship: tosca.relationships.ConnectsTo

topology_template:
  inputs:
    cpus: { type: integer, default: 2, constraints: [ valid_values: [ 1, 2, 4, 8 ] ] }
    password: { type: string, default: secret }
  node_templates:
"""

STACK = """    server_{n}:
      type: tosca.nodes.Compute
      capabilities:
        host: {{ properties: {{ num_cpus: {{ get_input: cpus }}, mem_size: {memory} MB, disk_size: 10 GB }} }}
        os: {{ properties: {{ architecture: x86_64, type: linux, distribution: debian, version: 12.4 }} }}
    dbms_{n}:
      type: tosca.nodes.DBMS
      properties: {{ root_password: {{ get_input: password }}, port: {port} }}
      requirements:
        - host: server_{n}
      interfaces:
        Standard:
          create: operate.sh
          start: {{ implementation: operate.sh, inputs: {{ port: {{ get_property: [ SELF, port ] }} }} }}
    database_{n}:
      type: tosca.nodes.Database
      properties: {{ name: shop{n}, user: shop, password: {{ get_input: password }}, port: {port} }}
      capabilities:
        database_endpoint: {{ properties: {{ port: {port} }} }}
      requirements:
        - host: dbms_{n}
    web_{n}:
      type: tosca.nodes.WebServer
      capabilities:
        data_endpoint: {{ properties: {{ port: 8080 }} }}
      requirements:
        - host: server_{n}
      interfaces:
        Standard:
          create: operate.sh
          configure: operate.sh
    shop_{n}:
      type: example.nodes.Shop
      properties: {{ context_root: /shop{n}, title: Shop {n}, workers: {workers} }}
      requirements:
        - host: web_{n}
        - database: database_{n}
      interfaces:
        Standard:
          configure:
            implementation: operate.sh
            inputs:
              port: {{ get_property: [ database_{n}, database_endpoint, port ] }}
              address: {{ get_attribute: [ server_{n}, private_address ] }}
              name: {{ get_property: [ database_{n}, name ] }}
"""
IN_STACK = 5

TAIL = """  outputs:
    address: { value: { get_attribute: [ server_0, private_address ] } }
"""


def service(nodes: int) -> str:
    """Return a template of that many nodes, rounded up to whole stacks."""
    stacks = [
        STACK.format(n=n, memory=512 * (1 + n % 8), port=3306 + n % 10, workers=1 + n % 64)
        for n in range(-(-nodes // IN_STACK))
    ]
    return HEAD + "".join(stacks) + TAIL


if __name__ == "__main__":
    sys.stdout.write(service(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
