"""How long it takes to load and compile a service of 10 to 10,000 nodes, beside reading the same YAML with PyYAML.

    python benchmarks/compile.py [--json FILE] [SIZE...]

Each time is the best of several runs. *cold* is a whole process that imports everything, loads, compiles and ends,
with the cyclic garbage collector off, as befits a process that ends; *load* (with all imports) and *compile* are parts
of it; *PyYAML* is `yaml.load(…, CSafeLoader)` of the same file in a process of its own. The ratio is (load + compile)
to that: everything that is done with a file against merely reading it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIZES = [10, 100, 1000, 10000]
LIMIT = {"nodes": 1000, "cold": 0.5}

HEAD = """tosca_definitions_version: tosca_2_0

data_types:
  Size: { derived_from: scalar, data_type: integer, units: { B: 1, MB: 1000000, GB: 1000000000 } }
artifact_types:
  Shell: { file_ext: [ sh ] }
capability_types:
  Host: { properties: { memory: { type: Size, default: 8 GB } } }
relationship_types:
  HostedOn: {}
interface_types:
  Lifecycle: { operations: { create: { inputs: { name: { type: string }, index: { type: integer } } }, delete: {} } }
node_types:
  Server:
    properties:
      name: { type: string }
      port: { type: integer, validation: { $less_than: [ $value, 65536 ] } }
      url: { type: string }
    attributes: { state: { type: string } }
    capabilities: { host: Host }
    requirements:
    - host: { capability: Host, relationship: HostedOn, count_range: [ 0, 1 ] }
    artifacts: { script: { type: Shell, file: create.sh } }
    interfaces:
      lifecycle: { type: Lifecycle, operations: { delete: script } }

service_template:
  inputs: { domain: { type: string, default: example.com } }
  node_templates:
"""

NODE = """    node{number}:
      type: Server
      properties:
        name: server {number}
        port: {port}
        url: {{ $concat: [ "http://node{number}.", {{ $get_input: domain }} ] }}
      capabilities:
        host:
          properties:
            memory: 4 GB
      requirements:
      - host: node{before}
      interfaces:
        lifecycle:
          operations:
            create:
              implementation: script
              inputs: {{ name: node{number}, index: $node_index }}
"""

PUCCINI = """
import gc, sys, time
gc.disable()
start = time.perf_counter()
import puccini
loaded = puccini.load(puccini.FolderSource(sys.argv[1]), "service.yaml")
middle = time.perf_counter()
bundle = puccini.compile(loaded, "benchmark")
end = time.perf_counter()
assert len(bundle.edges) == int(sys.argv[2]), loaded.diagnostics
print(middle - start, end - middle)
"""

YAML = """
import sys, time, yaml
data = open(sys.argv[1] + "/service.yaml", "rb").read()
start = time.perf_counter()
yaml.load(data, yaml.CSafeLoader)
print(time.perf_counter() - start)
"""


def service(folder: Path, nodes: int) -> None:
    """Write a service of that many nodes, each hosted on the one before."""
    parts = (NODE.format(number=n, port=1024 + n % 60000, before=max(0, n - 1)) for n in range(nodes))
    (folder / "service.yaml").write_text(HEAD + "".join(parts))
    (folder / "create.sh").write_text("#!/bin/sh\n")


def run(program: str, *arguments: str) -> tuple[float, list[float]]:
    """Run a program in a new interpreter; return the seconds it took and those that it says."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, [float(word) for word in done.stdout.split()]


def measure(nodes: int) -> dict[str, Any]:
    """Return the times for a service of that many nodes, in seconds."""
    runs = 7 if nodes <= 1000 else 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service(folder, nodes)
        puccini = [run(PUCCINI, name, str(nodes)) for _ in range(runs)]
        yaml = [run(YAML, name) for _ in range(runs)]
        size = (folder / "service.yaml").stat().st_size
    cold, (load, compile) = min(puccini)
    reading = min(times[0] for _, times in yaml)
    return {
        "nodes": nodes,
        "bytes": size,
        "cold": cold,
        "load": load,
        "compile": compile,
        "yaml": reading,
        "ratio": (load + compile) / reading,
        "us/node": cold / nodes * 1e6,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="SIZE")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results there")
    arguments = parser.parse_args()
    results = []
    print("  nodes       KB   cold s   load s  compile s  PyYAML s   ratio  us/node")
    for size in arguments.sizes:
        one = measure(size)
        results.append(one)
        seconds = f"{one['cold']:8.3f} {one['load']:8.3f} {one['compile']:10.3f} {one['yaml']:9.3f}"
        print(f"{size:7} {one['bytes'] // 1000:8} {seconds} {one['ratio']:7.2f} {one['us/node']:8.0f}", flush=True)
        if size == LIMIT["nodes"]:
            verdict = "reached" if one["cold"] <= LIMIT["cold"] else "NOT reached"
            print(f"        limit: {LIMIT['cold']} s cold for {LIMIT['nodes']} nodes: {verdict}")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"benchmark": "compile", "limit": LIMIT, "results": results}, indent=2) + "\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
