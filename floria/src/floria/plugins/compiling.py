"""Compiles a component to machine code, in a child process: ``python -m floria.plugins.compiling BLOB OUT``.

A child, because compiling takes seconds and much memory, and a hostile component may try to take more: its time,
memory and crashes are its own.
"""

import hashlib
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

from floria.plugins.faults import Fault

COMPONENT = b"\0asm\x0d\0\x01\0"
MEMORY = 16 << 30
CPU = 600


def compile_in_child(blob: Path, out: Path, name: str, timeout: float = 900.0) -> float:
    """Compile `blob` to `out`; return the seconds it took. Raises the fault ``invalid-component``."""
    with blob.open("rb") as file:
        if file.read(len(COMPONENT)) != COMPONENT:
            raise Fault("invalid-component", f"{name} is not a WebAssembly component")
    began = time.monotonic()
    command = [sys.executable, "-m", "floria.plugins.compiling", str(blob), str(out)]
    environment = {key: value for key, value in os.environ.items() if key in {"PATH", "PYTHONPATH", "HOME", "LANG"}}
    try:
        done = subprocess.run(command, check=False, capture_output=True, env=environment, cwd="/", timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Fault("invalid-component", f"{name} did not compile within {timeout:g} s") from None
    if done.returncode or not out.exists():
        said = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise Fault("invalid-component", f"{name} does not compile: {said or f'exit status {done.returncode}'}")
    return time.monotonic() - began


def digest(blob: Path) -> str:
    """Return the digest of a blob."""
    with blob.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def short(identity: str) -> str:
    """Return a short name for an engine, its configuration and this machine's kind."""
    return hashlib.sha256(f"{identity} {platform.machine()}".encode()).hexdigest()[:12]


def main(blob: str, out: str) -> int:
    """Compile within limits of its own; the cause of a failure goes to stderr."""
    from wasmtime import WasmtimeError
    from wasmtime.component import Component

    from floria.plugins import engine

    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, CPU), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(limit)[1]
        within = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (within, within))
    os.nice(5)
    try:
        compiled = Component(engine.make(), Path(blob).read_bytes()).serialize()
    except WasmtimeError as error:
        print(str(error), file=sys.stderr)
        return 1
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(compiled)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
