"""A tree of thousands of profile files that import each other in circles, read for one small service.

    python -m benchmarks.tree [--json FILE] [FILES]

Each file has 13 imports, some of them into a namespace, and 30 types that derive from, and refer to, types of the files
it imports; 7,000 such files are 75 MB with 90,000 imports. The service of three nodes reaches all of them. It is
validated in a process of its own: without a cache, again, and after one file has changed; beside reading the same YAML
with PyYAML's C loader, and reading the same bytes.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import lines

FILES = 7000
LIMITS = {"imports": 90_000, "megabytes": 75}
TYPES = 10
"""Of each kind: capability types, relationship types, node types."""

IMPORTS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)
"""Which files each file imports into its own namespace, counted on from itself around the circle; two more get one."""

SERVICE = """tosca_definitions_version: tosca_2_0
imports: [ tree/0/f0.yaml ]
service_template:
  node_templates:
    one: { type: N0_1 }
    two: { type: N0_2 }
    three: { type: N0_3, properties: { size0: 3, text0: three } }
"""


def path(number: int) -> str:
    return f"tree/{number // 100}/f{number}.yaml"


def write(folder: Path, files: int) -> tuple[int, int]:
    """Write the tree; return how many imports and bytes it has."""
    imports = size = 0
    for number in range(files):
        near = list(dict.fromkeys((number + step) % files for step in IMPORTS))
        far = [(number * 7 + 1) % files, (number * 11 + 5) % files]
        text = _file(number, near, far, files)
        target = folder / path(number)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        imports += len(near) + len(far)
        size += len(text)
    (folder / "service.yaml").write_text(SERVICE)
    return imports, size


def _file(number: int, near: list[int], far: list[int], files: int) -> str:
    parts = ["tosca_definitions_version: tosca_2_0\n", f"description: File {number} of a tree\n", "imports:\n"]
    parts += [f"- /{path(one)}\n" for one in near]
    parts += [f"- {{ url: /{path(one)}, namespace: far{place} }}\n" for place, one in enumerate(far)]
    above = near[-1] if near[-1] > number else None
    parts.append("capability_types:\n")
    for one in range(TYPES):
        parent = f"    derived_from: C{above}_{one}\n" if above is not None else ""
        parts.append(f"  C{number}_{one}:\n{parent}    description: What file {number} offers, number {one}\n")
        limit = f"type: integer, default: {one}, validation: {{ $less_than: [ $value, 99 ] }}"
        parts.append(f"    properties:\n      limit{number}: {{ {limit} }}\n")
    parts.append("relationship_types:\n")
    for one in range(TYPES):
        parts.append(f"  R{number}_{one}:\n    description: How file {number} is used, number {one}\n")
        parts.append(f"    valid_capability_types: [ C{near[0]}_{one}, C{number}_{one} ]\n")
    parts.append("node_types:\n")
    for one in range(TYPES):
        parent = f"    derived_from: N{above}_{one}\n" if above is not None else ""
        parts.append(
            f"  N{number}_{one}:\n{parent}    description: A node type of file {number} of the tree, number {one}\n"
        )
        parts.append(_BODY.format(number=number, one=one, near=near[0] if number % 10 else number, far=far[0]))
    return "".join(parts)


_BODY = """    properties:
      size{number}: {{ type: integer, default: {one} }}
      text{number}: {{ type: string, default: text, description: What it says }}
      list{number}: {{ type: list, entry_schema: string, default: [ a, b, c ] }}
    attributes:
      state{number}: {{ type: string }}
    capabilities:
      provides{number}: {{ type: C{number}_{one}, properties: {{ limit{number}: {{ default: 5 }} }} }}
      again{number}: C{near}_{one}
    requirements:
    - needs{number}:
        capability: C{near}_{one}
        relationship: R{number}_{one}
        node: N{near}_{one}
        count_range: [ 0, 3 ]
    - far{number}: {{ capability: far0:C{far}_{one}, relationship: far0:R{far}_{one}, count_range: [ 0, UNBOUNDED ] }}
"""

VALIDATE = """
import resource, sys, time
begin = time.process_time()
from pathlib import Path
from puccini.cache import loading
from puccini.cache.store import Store
from puccini.sources import FolderSource
store = Store(Path(sys.argv[2]))
loaded = loading.load(FolderSource(sys.argv[1]), "service.yaml", (), store)
store.close()
assert not loaded.diagnostics, loaded.diagnostics[:3]
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(time.process_time() - begin, len(loaded.units), len(loaded.resolver.types), memory)
"""

PYYAML = """
import sys, time, yaml
from pathlib import Path
begin = time.process_time()
for file in Path(sys.argv[1]).rglob("*.yaml"):
    yaml.load(file.read_bytes(), yaml.CSafeLoader)
print(time.process_time() - begin, 0, 0, 0)
"""

BYTES = """
import sys, time
from pathlib import Path
begin = time.process_time()
for file in Path(sys.argv[1]).rglob("*.yaml"):
    file.read_bytes()
print(time.process_time() - begin, 0, 0, 0)
"""


def run(program: str, *arguments: Path) -> list[float]:
    """Run a program in a new interpreter; return the numbers that it prints."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def main() -> int:
    parser = lines.options(__doc__)
    parser.add_argument("files", nargs="?", type=int, default=FILES)
    arguments = parser.parse_args()
    found = lines.Lines("tree")
    with tempfile.TemporaryDirectory() as name:
        tree, cache = Path(name, "tree"), Path(name, "cache")
        tree.mkdir()
        imports, size = write(tree, arguments.files)
        found.add("imports", imports, "imports")
        found.add("text", size / 1e6, "MB")
        found.add("reading the bytes", run(BYTES, tree)[0], "s of processor")
        found.add("reading the YAML: PyYAML", run(PYYAML, tree)[0], "s of processor")
        for what in ("the first time", "again", "one file has changed", "again after that"):
            if what == "one file has changed":
                changed = tree / path(arguments.files // 2)
                changed.write_text(changed.read_text().replace("default: text", "default: changed"))
            start = time.perf_counter()
            seconds, files, types, memory = run(VALIDATE, tree, cache)
            elapsed = time.perf_counter() - start
            found.add(f"validating {what}", seconds, "s of processor", elapsed=elapsed, files=files)
            found.add(f"validating {what}: types that were read", types, "types")
            found.add(f"validating {what}: memory", memory / 1024, "MB")
        found.add("the cache", sum(file.stat().st_size for file in cache.iterdir()) / 1e6, "MB")
    found.write(arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
