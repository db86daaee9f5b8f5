"""Which tests show which line of the TOSCA checklist: read from tests and cases, and written into the page.

``python -m tests.checklist`` writes the last column of ``docs/tosca-checklist.md`` anew; `test_checklist` compares.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/tosca-checklist.md"
FOLDERS = ("floria/tests", "puccini/tests", "khutulun/tests", "plugins", "tests")

_NUMBER = re.compile(r"\bT(\d+)(?:-T?(\d+))?\b")
_IN_NAME = re.compile(r"(?<=_)t(\d+)(?=_|$)")
_CASE = re.compile(r"^- (?:name|case): (.*)$", re.MULTILINE)
_ROW = re.compile(r"^\| (T\d+) \| (.*) \| (.*?) ?\|$")


def shown() -> dict[str, list[str]]:
    """Return the files of tests and cases that show each line."""
    found: dict[str, list[str]] = {}
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix == ".yaml" and "tests" in file.parts:
                numbers = {one for name in _CASE.findall(file.read_text()) for one in _in_text(name)}
            elif file.name.startswith("test_") and file.suffix == ".py":
                numbers = set(_named(ast.parse(file.read_text())))
            else:
                continue
            for number in numbers:
                found.setdefault(number, []).append(str(file.relative_to(ROOT)))
    return found


def _named(module: ast.Module) -> Iterator[str]:
    yield from _in_text(ast.get_docstring(module))
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield from (f"T{number}" for number in _IN_NAME.findall(node.name))
            yield from _in_text(ast.get_docstring(node))


def _in_text(text: str | None) -> Iterator[str]:
    for match in _NUMBER.finditer(text or ""):
        yield from (f"T{number}" for number in range(int(match[1]), int(match[2] or match[1]) + 1))


def rows() -> dict[str, str]:
    """Return the last column of the page by line of the checklist."""
    return {match[1]: match[3] for line in PAGE.read_text().splitlines() if (match := _ROW.match(line))}


def column(number: str, found: dict[str, list[str]]) -> str:
    """Return what the last column has to say of a line."""
    return ", ".join(f"[{Path(file).stem}](../{file})" for file in found.get(number, []))


def write() -> None:
    """Write the last column."""
    found = shown()
    lines = [
        f"| {match[1]} | {match[2]} | {column(match[1], found)} |" if (match := _ROW.match(line)) else line
        for line in PAGE.read_text().splitlines()
    ]
    PAGE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    write()
