"""A driver is one folder: put into `plugins`, it is built, shipped, tested and deployed; nothing else changes.

Everything is done in a copy of the tree, as it is done in the tree itself (R36).
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from testbed import checkout

NAME = "blink"
MADE = (".*", "__pycache__", "build", "*.egg-info", "*.wasm")
"""What is not the tree's own, but made in it."""

SOURCES = ("floria/src", "puccini/src", "khutulun/src", "sdk/python/src", ".")
SEEN = f"""
from pathlib import Path
from testbed import drivers
from khutulun import shipped
folder = Path.cwd() / "plugins/{NAME}"
assert shipped.checkout() == Path.cwd()
assert "{NAME}" in shipped.plugins()
assert folder / "profiles" in shipped.profiles()
assert folder in drivers.folders()
assert folder / "examples/greeting" in drivers.examples()
assert folder / "README.md" in drivers.pages()
assert "a-package-of-its-own" in drivers.packages()
"""
TESTS = ("tests/drivers/test_layout.py", "khutulun/tests/examples/test_examples.py", "tests/docs/test_links.py")


class Tree:
    """A copy of the tree, without what was made in it; blobs that are built already are not built again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(checkout.ROOT, folder, ignore=shutil.ignore_patterns(*MADE))
        shutil.copytree(checkout.ROOT / ".ci", folder / ".ci")
        (folder / ".cache").mkdir()
        (folder / ".cache/blobs").symlink_to(checkout.ROOT / ".cache/blobs")
        kept = {name: value for name, value in os.environ.items() if name != "CI"}  # which forbids to leave tests out
        self._environment = {**kept, "PYTHONPATH": ":".join(str(folder / source) for source in SOURCES)}
        self._environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def python(self, *arguments: str) -> str:
        """Run Python with the modules of the copy; what it says."""
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def khutulun(self, *arguments: str) -> str:
        """Run the program of the copy."""
        return self.python("-c", "import sys; from khutulun.cli import main; sys.exit(main())", *arguments)

    def files(self) -> dict[str, str]:
        """Return the digest of every file of its own, by path."""
        found = (file for file in self.folder.rglob("*") if file.is_file())
        names = ((str(file.relative_to(self.folder)), file) for file in found)
        made = shutil.ignore_patterns(*MADE)
        return {
            name: hashlib.sha256(file.read_bytes()).hexdigest()
            for name, file in names
            if not made(name, name.split("/"))
        }


@pytest.mark.system
def test_r36_a_new_folder_in_plugins_is_a_built_in_driver_and_nothing_else_changes(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree")
    before = tree.files()
    tree.khutulun("plugin", "new", NAME, "--directory", "plugins")
    (tree.folder / "plugins" / NAME / "packages.txt").write_text("a-package-of-its-own\n")
    tree.python(".ci/plugins.py")
    tree.python("-c", SEEN)
    tree.python("-m", "ruff", "check", "--quiet", "--no-cache", f"plugins/{NAME}")
    tree.python("-m", "ruff", "format", "--check", "--quiet", "--no-cache", f"plugins/{NAME}")
    passed = tree.python("-m", "pytest", "-vv", "-p", "no:cacheprovider", "-k", NAME, f"plugins/{NAME}", *TESTS)
    for shown in ("test_r85_examples_compile", "test_fragments_of_the_pages", "test_r30_a_driver_uses", "test_create"):
        assert shown in passed
    checked = tree.khutulun("plugin", "check", f"plugins/{NAME}", "--only", "plan", "--only", "update")
    assert "2 true, 0 false" in checked
    after = tree.files()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert [name for name in sorted(changed) if not name.startswith(f"plugins/{NAME}/")] == []
