"""What reading TOSCA costs: templates to 100,000 nodes, profiles to 10,000 types, allocation, edits, TOSCA 1.x.

    python -m benchmarks.tosca [--json FILE] [--tosca-parser PYTHON] [NODES...]

Beside each is what PyYAML's C loader takes for the same files. With the Python of an environment that has PyPI's
`tosca-parser` (``python -m venv E; E/bin/pip install tosca-parser``), that processor reads the same template of 400
nodes in TOSCA 1.3. All are seconds of processor time, the best of several runs, in new interpreters whose modules are
compiled, as they are when they are installed.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import compile as templates
from benchmarks import lines, simple

NODES = [10, 100, 1000, 10_000, 100_000]
TYPES = [10, 100, 1000, 10_000]
ALLOCATED = [1000, 10_000]
SIMPLE = 400
IN_FILE, GENERATIONS = 10, 50

TIMED = """
import sys, time
begin = time.process_time()
{program}
print(time.process_time() - begin)
"""

YAML = """
import yaml
from pathlib import Path
begin = time.process_time()
for file in Path(sys.argv[1]).glob("*.yaml"):
    yaml.load(file.read_bytes(), yaml.CSafeLoader)
"""

LOAD = """
import gc
gc.disable()
import puccini
loaded = puccini.load(puccini.FolderSource(sys.argv[1]), "service.yaml")
assert not loaded.failed, loaded.diagnostics[:3]
"""

INSTANTIATE = f"""
{LOAD}
from puccini.cli.simulation import Simulation
bundle = puccini.compile(loaded, "benchmark")
begin = time.process_time()
plan = Simulation(bundle, "benchmark", {{}}).plan
assert plan.edges
"""

EDIT = """
import gc
import puccini
from pathlib import Path
text = Path(sys.argv[1], "service.yaml").read_text()
session = puccini.Session(puccini.FolderSource(sys.argv[1]))
session.update("service.yaml", text)
session.check("service.yaml")
times = []
for number in range(20):
    changed = text.replace("name: server 500", f"name: {number}" + chr(10) * (number % 3), 1)
    begin = time.process_time()
    session.update("service.yaml", changed)
    assert session.diagnostics("service.yaml")
    times.append(time.process_time() - begin)
print(sorted(times)[10])
raise SystemExit
"""

PARSER = """
from toscaparser.tosca_template import ToscaTemplate
assert len(ToscaTemplate(sys.argv[1] + "/service.yaml").nodetemplates) == 400
"""

MACHINES = """tosca_definitions_version: tosca_2_0
capability_types:
  Host: { properties: { memory: { type: integer }, zone: { type: integer } } }
relationship_types:
  HostedOn: {}
node_types:
  Machine: { capabilities: { host: Host } }
  App: { requirements: [ host: { capability: Host, node: Machine, relationship: HostedOn, count_range: [ 1, 1 ] } ] }
service_template:
  node_templates:
"""


def profile(folder: Path, types: int) -> None:
    """Write node types in files that import each other in one long chain, in families of many generations."""
    files = max(1, types // IN_FILE)
    for file in range(files):
        parts = ["tosca_definitions_version: tosca_2_0\n"]
        if file + 1 < files:
            parts.append(f"imports: [ f{file + 1}.yaml ]\n")
        parts.append("node_types:\n")
        for one in range(IN_FILE):
            parent = f"    derived_from: N{file + 1}_{one}\n" if (file + 1) % GENERATIONS and file + 1 < files else ""
            parts.append(
                f"  N{file}_{one}:\n{parent}    properties:\n      p{file}: {{ type: integer, default: {one} }}\n"
            )
        (folder / f"f{file}.yaml").write_text("".join(parts))
    head = "tosca_definitions_version: tosca_2_0\nimports: [ f0.yaml ]\n"
    (folder / "service.yaml").write_text(head + "service_template: { node_templates: { one: { type: N0_0 } } }\n")


def allocated(folder: Path, nodes: int) -> None:
    """Write machines in zones and four times as many applications: named, by filter, by allocations of two sizes."""
    count = nodes // 5
    parts = [MACHINES]
    for one in range(count):
        data = f"{{ memory: 16, zone: {one} }}"
        parts.append(f"    machine{one}: {{ type: Machine, capabilities: {{ host: {{ properties: {data} }} }} }}\n")
    for one in range(nodes - count):
        zone = f"{{ $equal: [ {{ $get_property: [ SELF, CAPABILITY, zone ] }}, {one * 7919 % count} ] }}"
        memory = 16 if one < count // 4 else 1
        how = (
            f"machine{one % count}",
            f"{{ node_filter: {zone} }}",
            f"{{ allocation: {{ memory: {memory} }} }}",
        )[one % 3]
        parts.append(f"    app{one}: {{ type: App, requirements: [ {{ host: {how} }} ] }}\n")
    (folder / "service.yaml").write_text("".join(parts))


def older(folder: Path, nodes: int) -> None:
    (folder / "service.yaml").write_text(simple.service(nodes))
    (folder / simple.SCRIPT).touch()


def run(python: str, program: str, folder: Path, times: int) -> float:
    """Return the seconds of processor time that a program takes, the best of so many times."""
    command = [python, "-c", TIMED.format(program=program), str(folder)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    done = [
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment) for _ in range(times + 1)
    ]
    return min(float(one.stdout) for one in done)


def main() -> int:
    parser = lines.options(__doc__)
    parser.add_argument("--tosca-parser", metavar="PYTHON", help="an interpreter that has tosca-parser")
    parser.add_argument("nodes", nargs="*", type=int, default=NODES)
    arguments = parser.parse_args()
    found = lines.Lines("tosca")

    def measure(what: str, write: Callable[[Path, int], None], size: int, program: str, scale: str) -> float:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, size)
            times = 5 if size <= 1000 else 1
            seconds = run(sys.executable, program, folder, times)
            reading = run(sys.executable, YAML, folder, times)
        found.add(f"{what} of {size:,} {scale}", seconds, "s", ratio=seconds / reading)
        found.add("    beside reading the same YAML", seconds / reading, "times")
        found.add(f"    for each of the {scale}", seconds / size * 1e6, "us")
        return seconds

    for nodes in arguments.nodes:
        measure("load a template", templates.service, nodes, LOAD, "nodes")
    for types in TYPES:
        measure("load a profile", profile, types, LOAD, "types")
    for nodes in ALLOCATED:
        measure("find targets (names, filters, allocation)", allocated, nodes, INSTANTIATE, "nodes")
    with tempfile.TemporaryDirectory() as name:
        templates.service(Path(name), 1000)
        output = subprocess.run(
            [sys.executable, "-c", "import sys, time" + EDIT, name], check=True, capture_output=True, text=True
        ).stdout
        found.add("check again after an edit in 1,000 nodes", float(output) * 1000, "ms", limit=50)
    ours = measure("load TOSCA 1.3", older, SIMPLE, LOAD, "nodes")
    if arguments.tosca_parser:
        with tempfile.TemporaryDirectory() as name:
            older(Path(name), SIMPLE)
            theirs = run(arguments.tosca_parser, PARSER, Path(name), 5)
        found.add("tosca-parser, the same", theirs, "s")
        found.add("tosca-parser beside Puccini, whole processes", theirs / ours, "times")
    found.write(arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
