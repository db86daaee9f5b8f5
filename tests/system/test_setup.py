"""Setting up: what is missing is said, with what to do (R100)."""

import os
import subprocess

from testbed import checkout


def choose(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the choice of a Python for the environment."""
    return subprocess.run(
        [checkout.ROOT / ".ci" / "python"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_python_is_explained() -> None:
    """R100: without a Python that is new enough, the error says so, and what to install."""
    refused = choose(PYTHON="/bin/false")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: no Python 3.11 or newer")
    assert "hint: apt-get install python3 python3-venv" in refused.stderr


def test_a_named_python_is_taken() -> None:
    """The Python that the user names is the one that is used."""
    named = str(checkout.VENV / "bin" / "python")
    assert choose(PYTHON=named).stdout.strip() == named
