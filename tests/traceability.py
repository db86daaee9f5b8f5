"""Which tests show which requirement: read from the tests, and written into ``docs/requirements.md``.

``python -m tests.traceability`` writes the page's last column anew; `test_requirements` compares.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/requirements.md"
FOLDERS = ("floria/tests", "puccini/tests", "khutulun/tests", "plugins", "sdk", "tests")
NOT_YET, IN_PART = "not yet", "in part: "

_NUMBER = re.compile(r"\bR(\d+)(?:-R?(\d+))?\b")
_IN_NAME = re.compile(r"(?<=_)r(\d+)(?=_|$)")
_ROW = re.compile(r"^\| (R\d+) \| (.*) \| (.*?) ?\|$")


def shown() -> dict[str, list[str]]:
    """Return the test files that show each requirement."""
    found: dict[str, list[str]] = {}
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("test_*.py")):
            for number in sorted(set(_named(ast.parse(file.read_text())))):
                found.setdefault(number, []).append(str(file.relative_to(ROOT)))
    return found


def _named(module: ast.Module) -> Iterator[str]:
    yield from _in_text(ast.get_docstring(module))
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield from (f"R{number}" for number in _IN_NAME.findall(node.name))
            yield from _in_text(ast.get_docstring(node))


def _in_text(text: str | None) -> Iterator[str]:
    for match in _NUMBER.finditer(text or ""):
        first, last = int(match[1]), int(match[2] or match[1])
        yield from (f"R{number}" for number in range(first, last + 1))


def rows() -> dict[str, str]:
    """Return the last column of the page by requirement."""
    return {match[1]: match[3] for line in PAGE.read_text().splitlines() if (match := _ROW.match(line))}


def column(number: str, told: str, found: Mapping[str, list[str]]) -> str:
    """Return what the last column has to say of a requirement, which says `told` now."""
    files = ", ".join(f"[{Path(file).stem}](../{file})" for file in found.get(number, []))
    if told.startswith((NOT_YET, IN_PART)):
        return f"{IN_PART}{files}" if files else NOT_YET
    return files


def write() -> None:
    """Write the last column."""
    found = shown()
    lines = [
        f"| {match[1]} | {match[2]} | {column(match[1], match[3], found)} |" if (match := _ROW.match(line)) else line
        for line in PAGE.read_text().splitlines()
    ]
    PAGE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write()
