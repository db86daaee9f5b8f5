"""Root filesystems of test hosts, made once from a recipe and kept in the cache folder."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from testbed import cache, processes, recipe

UNUSED_SECONDS = 14 * 24 * 3600
LAST_WORDS = 20


def path(wanted: recipe.Recipe = recipe.HOST) -> Path:
    """Return the root filesystem made from a recipe, after making it if it is not there (half a minute, once)."""
    with cache.shelf("rootfs") as shelf:
        target = shelf.path / wanted.digest
        if not target.exists():
            _clear_drafts(shelf.path)
            _make(wanted, target, shelf.lock)
            _forget_old(shelf.path)
        os.utime(target)
    return target


def python(root: Path) -> str:
    """Return the version of the Python that a root filesystem holds, as ``3.13``."""
    return (root / "usr/bin/python3").readlink().name.removeprefix("python")


def _make(wanted: recipe.Recipe, target: Path, lock: int) -> None:
    draft = target.with_suffix(".draft")
    log = target.parent / "log"
    _tell(f"making the root filesystem of test hosts ({wanted.suite}, {len(wanted.packages)} packages), log in {log}")
    command = ["mmdebstrap", "--mode=root", "--variant=apt", "--aptopt=APT::Install-Recommends false"]
    command += [f"--include={','.join(wanted.packages)}", f"--customize-hook={wanted.customization()}"]
    with log.open("wb") as output:
        try:
            status = subprocess.call(
                [*command, wanted.suite, str(draft)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],
            )
        except FileNotFoundError:
            raise processes.TestBedError(
                "mmdebstrap is missing; it makes the root filesystem of test hosts: apt-get install mmdebstrap"
            ) from None
    if status:
        words = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_WORDS:])
        raise processes.TestBedError(f"mmdebstrap ended with status {status}; the end of {log}:\n{words}")
    draft.rename(target)
    _tell(f"root filesystem ready: {target}")


def _clear_drafts(folder: Path) -> None:
    for draft in folder.glob("*.draft"):
        shutil.rmtree(draft)


def _forget_old(folder: Path) -> None:
    for made in folder.iterdir():
        if made.is_dir() and time.time() - made.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(made)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
