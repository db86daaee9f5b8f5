"""Build plugins from source: ``python -m floria.plugins.build FOLDER -o OUT.wasm``.

FOLDER holds ``plugin.py`` (with ``plugin = Plugin(…)``) and the modules it imports. Blobs are cached by the digest of
the sources, the SDK, the contract and the builder's version, so building again costs nothing. ``--runner`` builds the
generic runner of Python sources, ``--executable`` a program with the SDK inside.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipapp
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

WIT = Path(__file__).parent / "wit"
PACKAGED = Path(__file__).parent / "blobs"
KEPT = 4
COMPONENT_MODULE = "floria_component"
_COMPONENT = """import plugin as source
from floria_plugin import component

Plugin = component.export(lambda: source.plugin)
"""
_EXECUTABLE = "import plugin\n\nplugin.plugin.main()\n"
_LEFT_OUT = {"tests", "__pycache__", "build"}

Progress = Callable[[str], None]


class BuildError(Exception):
    """The sources cannot be built; the message says why."""


def component(folder: Path, out: Path | None = None, progress: Progress | None = None) -> Path:
    """Build the plugin in `folder` into a Wasm component; return the blob, from the cache when nothing changed.

    With `out` the blob is copied there. Raises `BuildError`.
    """
    blob = _cached(folder.resolve().name, "component", sources(folder), progress)
    return blob if out is None else _copy(blob, out)


def runner(out: Path | None = None, progress: Progress | None = None) -> Path:
    """Build the runner of Python sources; return the blob: a packaged one, a cached one, or a new one."""
    packaged = PACKAGED / "runner.wasm"
    blob = packaged if packaged.exists() else _cached("runner", "runner", {}, progress)
    return blob if out is None else _copy(blob, out)


def executable(folder: Path, out: Path) -> Path:
    """Pack the plugin in `folder` with the SDK into a program that needs only a Python interpreter."""
    with tempfile.TemporaryDirectory() as staging:
        _stage(Path(staging), sources(folder))
        (Path(staging) / "__main__.py").write_text(_EXECUTABLE)
        out.parent.mkdir(parents=True, exist_ok=True)
        zipapp.create_archive(staging, out, "/usr/bin/env python3")
    return out


def sources(folder: Path) -> dict[str, bytes]:
    """Return the modules of the plugin in `folder`, without its tests. Raises `BuildError`."""
    found = dict(_modules(folder))
    if "plugin.py" not in found:
        raise BuildError(f"{folder} has no plugin.py")
    return found


def cache() -> Path:
    """Return the folder of built blobs: ``.cache/blobs`` of the repository, or of the user's cache."""
    root = Path(__file__).parents[4]
    if (root / "sdk" / "python").is_dir():
        return root / ".cache" / "blobs"
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "khutulun" / "blobs"


def sdk() -> Path:
    """Return the folder that holds the package `floria_plugin`. Raises `BuildError`."""
    beside = Path(__file__).parents[4] / "sdk" / "python" / "src"
    if (beside / "floria_plugin").is_dir():
        return beside
    found = importlib.util.find_spec("floria_plugin")
    if found is None or found.origin is None:
        raise BuildError("the Python SDK is not installed (package khutulun-floria-plugin)")
    return Path(found.origin).parents[1]


def _modules(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder)
        if not _LEFT_OUT.intersection(name.parts) and not name.name.startswith("test_"):
            yield str(name), file.read_bytes()


def _cached(name: str, world: str, modules: dict[str, bytes], progress: Progress | None) -> Path:
    blob = cache() / f"{name}-{_digest(world, modules)[:24]}.wasm"
    if not blob.exists():
        if progress:
            progress(f"building plugin {name}")
        blob.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=blob.parent) as staging:
            made = _componentize(Path(staging), world, modules)
            os.replace(made, blob)
        _drop_old(name, blob.parent)
    return blob


def _drop_old(name: str, folder: Path) -> None:
    """Keep only the last few blobs of a plugin."""
    versions = [
        file for file in folder.iterdir() if re.fullmatch(rf"{re.escape(name)}-[0-9a-f]{{24}}\.wasm", file.name)
    ]
    for file in sorted(versions, key=_made)[:-KEPT]:
        file.unlink(missing_ok=True)


def _made(file: Path) -> float:
    """Return when a file was made: before all others when another builder has dropped it meanwhile."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _digest(world: str, modules: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    parts = {**{f"sdk/{name}": content for name, content in _modules(sdk() / "floria_plugin")}, **modules}
    parts |= {f"wit/{file.name}": file.read_bytes() for file in sorted(WIT.glob("*.wit"))}
    parts |= {"world": world.encode(), "builder": _builder().encode(), "entry": _COMPONENT.encode()}
    for name, content in sorted(parts.items()):
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def _builder() -> str:
    try:
        return importlib.metadata.version("componentize-py")
    except importlib.metadata.PackageNotFoundError:
        raise BuildError("componentize-py is not installed: pip install 'khutulun-floria[build]'") from None


def _stage(staging: Path, modules: dict[str, bytes]) -> None:
    for name, content in modules.items():
        file = staging / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    shutil.copytree(sdk() / "floria_plugin", staging / "floria_plugin", ignore=shutil.ignore_patterns("__pycache__"))


def _componentize(staging: Path, world: str, modules: dict[str, bytes]) -> Path:
    _stage(staging, modules)
    app = "floria_plugin.runner" if world == "runner" else COMPONENT_MODULE
    (staging / f"{COMPONENT_MODULE}.py").write_text(_COMPONENT)
    out = staging / "out.wasm"
    command = [_program(), "-q", "-d", str(WIT), "-w", world, "componentize", app, "-p", str(staging), "-o", str(out)]
    environment = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "TMPDIR", "LANG"}}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment, cwd=staging, timeout=600
    )
    if done.returncode or not out.exists():
        raise BuildError(f"componentize-py failed:\n{(done.stderr or done.stdout).strip()[-3000:]}")
    return out


def _program() -> str:
    beside = Path(sys.executable).with_name("componentize-py")
    found = str(beside) if beside.exists() else shutil.which("componentize-py")
    if found is None:
        raise BuildError("the program componentize-py is not in PATH")
    return found


def _copy(blob: Path, out: Path) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    shutil.copyfile(blob, temporary)
    os.replace(temporary, out)
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m floria.plugins.build", description="Build plugins from source.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="folder with plugin.py")
    parser.add_argument("-o", "--out", type=Path, help="where to put the blob (one FOLDER only)")
    parser.add_argument("--runner", action="store_true", help="build the runner of Python sources")
    parser.add_argument("--executable", action="store_true", help="make a program instead of a Wasm component")
    options = parser.parse_args(arguments)
    if not options.folders and not options.runner:
        parser.error("nothing to build: give a FOLDER or --runner")
    if options.out and len(options.folders) + options.runner != 1:
        parser.error("--out needs exactly one thing to build")
    if options.executable and (not options.out or options.runner):
        parser.error("--executable needs one FOLDER and --out")
    try:
        for folder in options.folders:
            print(executable(folder, options.out) if options.executable else component(folder, options.out, _say))
        if options.runner:
            print(runner(options.out, _say))
    except (BuildError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _say(text: str) -> None:
    print(f"{text} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
