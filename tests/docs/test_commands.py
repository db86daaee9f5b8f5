"""Every command that a page names exists, and so does every option that it is given with (R101)."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.docs import pages

PROGRAMS = ("khutulun", "khutulun-supervisor", "floria", "puccini-tosca", "puccini-csar")
NAMED = re.compile(rf"^(?:{'|'.join(sorted(PROGRAMS, key=len, reverse=True))})(?= |$)")
FLAT = "khutulun-supervisor"
"""Has one help text for all its commands."""

SPAN = re.compile(r"`([^`\n]+)`")
TYPED = re.compile(r"(?:^|[|;(]|&&)\s*(?:\$ )?(?:runuser [^|]* -- )?((?:khutulun|floria|puccini)\S*(?: [^|;)]*)?)")
SUBCOMMAND = re.compile(r"^  ([a-z][a-z-]*)(?: |$)", re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    """Yield each page's name with each command on it."""
    for page in pages.everything():
        name = str(page.relative_to(pages.ROOT))
        text = page.read_text()
        for body in SPAN.findall(pages.FENCE.sub("", text)):
            yield name, body
        for line in shell(text):
            for found in TYPED.findall(line.replace('"$(', "(").split(" # ")[0]):
                yield name, found


def shell(text: str) -> Iterator[str]:
    """Yield the lines of blocks that a shell would take: fenced as such, or indented."""
    for block in pages.FENCE.finditer(text):
        lines = block["body"].replace("\\\n", " ").splitlines()
        if block["language"] == "console":
            yield from (line for line in lines if line.startswith("$ "))
        elif block["language"] in ("", "sh"):
            yield from lines
    yield from (line.strip() for line in pages.FENCE.sub("", text).splitlines() if line.startswith("    "))


CASES = sorted({(page, command.strip()) for page, command in commands() if NAMED.match(command.strip())})


@cache
def usage(*words: str) -> str:
    """Return what `--help` says, or fail when there is no such command."""
    program = Path(sys.executable).parent / words[0]
    done = subprocess.run([program, *words[1:], "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)} --help: {done.stderr}"
    return done.stdout


def test_commands_are_found() -> None:
    assert {command.split()[0] for _, command in CASES} == set(PROGRAMS)


@pytest.mark.parametrize(("page", "command"), CASES)
def test_a_command_on_a_page_exists(page: str, command: str) -> None:
    program, *rest = command.split()
    words = [program]
    for word in rest:
        listed = _subcommands(usage(*words))
        if not listed:
            break
        if word in listed:
            words.append(word)
            if program == FLAT:
                break
        elif not word.startswith(("-", "/", "…", "$")) and rest[rest.index(word) - 1] not in ("--folder", "--store"):
            pytest.fail(f"{page}: {' '.join(words)} has no command {word!r}; it has {', '.join(sorted(listed))}")
    helps = [usage(*words[:length]) for length in range(1, 2 if program == FLAT else len(words) + 1)]
    own = rest[: rest.index("--")] if "--" in rest else rest
    for option in {word.partition("=")[0] for word in own if re.match(r"--\w", word)} - {"--help"}:
        assert any(option in text for text in helps), f"{page}: {' '.join(words)} has no option {option}"


def _subcommands(text: str) -> set[str]:
    """Return the names in the list of commands of a help text."""
    found = re.search(r"^[Cc]ommands:\n((?:  .*\n|\n(?=  ))*)", text, re.MULTILINE)
    return set(SUBCOMMAND.findall(found[1])) if found else set()
