"""What reading TOSCA costs: templates to 100,000 nodes, profiles to 10,000 types, allocation, edits, TOSCA 1.x.

    python -m benchmarks.tosca [--json FILE] [--tosca-parser PYTHON] [NODES...]

Beside each is what PyYAML's C loader takes for the same files, and how the time for each node compares with that of
the size before: 1.0 is linear. PyPI's `tosca-parser` reads the same template of 400 nodes in TOSCA 1.3, with the Python
that is named, or in an environment that is made for it. All are seconds of processor time of user and kernel, the best
of several runs, in new interpreters whose modules are compiled, as they are when they are installed; *whole process*
is from the start of the command to its end.
"""

import os
import resource
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

from benchmarks import compile as templates
from benchmarks import lines, simple

NODES = [10, 100, 1000, 10_000, 100_000]
TYPES = [10, 100, 1000, 10_000]
ALLOCATED = [1000, 10_000, 100_000]
PARSER = "tosca-parser==2.15.0"
SIMPLE = 400
IN_FILE, GENERATIONS = 10, 50
FAMILIES = 20

TIMED = """
import resource, sys, time
begin = time.process_time()
{program}
print(time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""

YAML = """
import yaml
from pathlib import Path
begin = time.process_time()
for file in Path(sys.argv[1]).glob("*.yaml"):
    yaml.load(file.read_bytes(), yaml.CSafeLoader)
"""

LOAD = """
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
import puccini
from pathlib import Path
text = Path(sys.argv[1], "service.yaml").read_text()
session = puccini.Session(puccini.FolderSource(sys.argv[1]))
session.update("service.yaml", text)
session.check("service.yaml")
times = []
before, after = sys.argv[2:]
assert before in text
for number in range(20):
    changed = text.replace(before, after.replace("NUMBER", str(number)), 1)
    changed = changed.replace("      port: {", chr(10) * (number % 3) + "      port: {", 1)
    begin = time.process_time()
    session.update("service.yaml", changed)
    session.diagnostics("service.yaml")
    times.append(time.process_time() - begin)
print(sorted(times)[10])
"""
EDITS = {
    "an edit of a template": ("name: server 500", "name: NUMBER"),
    "an edit of a type of 50 of them": ("p7: { type: integer, default: 7 }", "p7: { type: integer, default: NUMBER }"),
    "an edit of a type of all of them": (
        "      name: { type: string }\n",
        "      name: { type: string, default: aNUMBER }\n",
    ),
    "an edit of an interface type of all of them": (
        "  Lifecycle: { operations: { create: { inputs: { name: { type: string },",
        "  Lifecycle: { operations: { create: { inputs: { name: { type: string, default: aNUMBER },",
    ),
}

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


def families(folder: Path, nodes: int) -> None:
    """Write the service of the benchmark `compile` with twenty types derived from its one, of as many nodes each."""
    templates.service(folder, nodes)
    text = (folder / "service.yaml").read_text()
    types = (
        f"  Server{one}:\n    derived_from: Server\n"
        f"    properties:\n      p{one}: {{ type: integer, default: {one} }}\n"
        for one in range(FAMILIES)
    )
    text = text.replace("\nservice_template:", "".join(types) + "\nservice_template:")
    for one in range(nodes):
        text = text.replace(
            f"    node{one}:\n      type: Server\n", f"    node{one}:\n      type: Server{one % FAMILIES}\n", 1
        )
    (folder / "service.yaml").write_text(text)


def older(folder: Path, nodes: int) -> None:
    (folder / "service.yaml").write_text(simple.service(nodes))
    (folder / simple.SCRIPT).touch()


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process that keeps compiled modules below `folder`, and nothing else."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "compiled"), "PUCCINI_CACHE": ""}


def run(python: str, program: str, folder: Path, times: int) -> tuple[float, float]:
    """Return the seconds of processor time that a program takes, the best of so many times, and its megabytes."""
    command = [python, "-c", TIMED.format(program=program), str(folder)]
    env = environment(folder)
    done = [subprocess.run(command, check=True, capture_output=True, text=True, env=env) for _ in range(times + 1)]
    seconds, megabytes = min(tuple(map(float, one.stdout.split())) for one in done)
    return seconds, megabytes


def whole(command: list[str], folder: Path, times: int = 9) -> float:
    """Return the seconds of processor time of a whole process, the best of so many."""
    found = []
    for _ in range(times + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, env=environment(folder))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found[1:])


def validating(file: Path) -> list[str]:
    """Return the command that validates a file."""
    return [
        sys.executable,
        "-c",
        "from puccini.cli.tosca import program; program()",
        "validate",
        str(file),
    ]


def theirs(python: str | None, file: Path, folder: Path) -> float | None:
    """Return what tosca-parser takes for a file; None when it cannot be had."""
    if python is None:
        place = folder / "environment"
        venv.create(place, with_pip=True)
        python = str(place / "bin/python")
        if subprocess.run([python, "-m", "pip", "install", "--quiet", PARSER], check=False).returncode:
            return None
    program = "import sys; from toscaparser.shell import main; sys.exit(main())"
    return whole([python, "-c", program, f"--template-file={file}"], folder)


class Growth:
    """Measures one thing at growing sizes: time for each, beside reading the YAML, and beside the size before."""

    def __init__(
        self, found: lines.Lines, what: str, write: Callable[[Path, int], None], program: str, scale: str
    ) -> None:
        self.found, self.what, self.write, self.program, self.scale = found, what, write, program, scale
        self.before: float | None = None

    def measure(self, size: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            self.write(folder, size)
            times = 5 if size <= 1000 else 1 if size <= 10_000 else 0
            seconds, megabytes = run(sys.executable, self.program, folder, times)
            reading, _ = run(sys.executable, YAML, folder, times)
        each = seconds / size * 1e6
        self.found.add(f"{self.what} of {size:,} {self.scale}", seconds, "s", ratio=seconds / reading)
        self.found.add("    beside reading the same YAML", seconds / reading, "times")
        self.found.add(f"    for each of the {self.scale}", each, "us")
        if self.before is not None:
            self.found.add("    for each, beside the size before", each / self.before, "times")
        self.found.add("    memory", megabytes, "MB")
        self.before = each


def main() -> int:
    parser = lines.options(__doc__)
    parser.add_argument("--tosca-parser", metavar="PYTHON", help="an interpreter that has tosca-parser")
    parser.add_argument("nodes", nargs="*", type=int, default=NODES)
    arguments = parser.parse_args()
    found = lines.Lines("tosca")
    services = Growth(found, "load a template", templates.service, LOAD, "nodes")
    for nodes in arguments.nodes:
        services.measure(nodes)
    profiles = Growth(found, "load a profile", profile, LOAD, "types")
    for types in TYPES:
        profiles.measure(types)
    targets = Growth(found, "find targets (names, filters, allocation)", allocated, INSTANTIATE, "nodes")
    for nodes in ALLOCATED:
        if nodes <= max(arguments.nodes):
            targets.measure(nodes)
    with tempfile.TemporaryDirectory() as name:
        families(Path(name), 1000)
        for what, edit in EDITS.items():
            command = [sys.executable, "-c", "import sys, time" + EDIT, name, *edit]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.add(f"check 1,000 nodes again after {what}", float(output) * 1000, "ms", limit=50)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        templates.service(folder, 1000)
        found.add(
            "validate 1,000 nodes, whole process", whole(validating(folder / "service.yaml"), folder), "s", limit=0.5
        )
        older(folder, SIMPLE)
        ours = whole(validating(folder / "service.yaml"), folder)
        found.add(f"validate {SIMPLE} nodes of TOSCA 1.3, whole process", ours, "s")
        other = theirs(arguments.tosca_parser, folder / "service.yaml", folder)
        if other is None:
            print("tosca-parser cannot be installed here", flush=True)
        else:
            found.add("tosca-parser, the same", other, "s")
            found.add("tosca-parser beside Puccini (at least 3 is wanted)", other / ours, "times")
    found.write(arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
