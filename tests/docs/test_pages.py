"""Every page is followed as a reader would: files written, commands typed, output compared (R100, R101)."""

import pytest
from testbed import drivers
from testbed.bare import Bare
from testbed.host import Host
from testbed.machine import Machine
from tests.docs import pages, reader

CONCEPTS = ("services", "events", "durability", "plans-and-history", "secrets")
HOST = ("README.md", *(f"docs/{name}.md" for name in CONCEPTS))
DRIVERS = {str(page.relative_to(pages.ROOT)): page.read_text() for page in drivers.pages()}
TYPED = [name for name, text in DRIVERS.items() if "```console\n" in text]
BARE = [name for name in TYPED if "<!-- true without systemd too -->" in DRIVERS[name]]


def follow(machine: Machine, name: str) -> None:
    """Fail with everything that the page shows and that was not seen."""
    page = (pages.ROOT / name).read_text()
    with reader.reading(machine) as someone:
        wrong = [
            f"{name}:{command.line}: $ {command.typed}\n{problem}"
            for command, _, problem in someone.follow(page)
            if problem is not None
        ]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.host
@pytest.mark.parametrize("name", [*HOST, "docs/permissions.md", "docs/tutorial.md", "docs/drivers.md", *TYPED])
def test_a_page_is_true_on_a_host_with_systemd(fresh_host: Host, name: str) -> None:
    follow(fresh_host, name)


@pytest.mark.system
@pytest.mark.parametrize("name", ["docs/tutorial.md", *BARE])
def test_a_page_is_true_on_a_machine_without_systemd(bare: Bare, name: str) -> None:
    follow(bare, name)


def test_r100_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    readme, makefile = ((pages.ROOT / name).read_text() for name in ("README.md", "Makefile"))
    for block in pages.FENCE.finditer(readme):
        if block["language"] == "sh":
            for line in block["body"].splitlines():
                command, target = line.split("#")[0].split()
                assert command == "make"
                assert f"\n{target}: " in makefile


@pytest.mark.parametrize("name", [*HOST, "docs/permissions.md", "docs/tutorial.md", "docs/faq.md", "docs/index.md"])
def test_every_block_of_a_page_is_run_or_said_to_be_a_part(name: str) -> None:
    """Only blocks of `sh` (make) and parts of files that are shown elsewhere as a whole may stand beside."""
    page = (pages.ROOT / name).read_text()
    for block in pages.FENCE.finditer(page):
        if block["language"] != "console" and pages.name(block["body"]) is None:
            assert _is_make(block["body"]) or block["body"].strip() in _examples(), block["body"]


def _is_make(body: str) -> bool:
    return all(line.startswith("make ") for line in body.splitlines())


def _examples() -> str:
    """Return all examples as one text, with every indentation taken away that they have."""
    folders = (pages.ROOT / "examples", *drivers.examples())
    files = [path for folder in folders for path in sorted(folder.rglob("*.yaml"))]
    lines = [line for path in files for line in path.read_text().splitlines()]
    return "\n".join("\n".join(line.removeprefix(" " * depth) for line in lines) for depth in range(0, 12, 2))
