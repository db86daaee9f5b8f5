"""What the tests of the driver way share."""

import subprocess
import sys
from pathlib import Path

import pytest
from testbed import checkout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution `khutulun` as it is released."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(checkout.ROOT / "khutulun")]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))
