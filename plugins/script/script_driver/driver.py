"""Runs a script that the service carries: as an operation, or because of an event.

An interpreter can do everything that its user can, so this driver's grants are full access and shown as such.
"""

import json
import re
from typing import Any

from floria_plugin import Context, Permanent, Temporary
from floria_plugin.driver import Driver, Inputs, Site

PROFILE = "khutulun:1.0::"
SIMPLE = "tosca-simple:1.3::tosca.artifacts.Implementation."
INTERPRETERS = {"Shell": "sh", "Bash": "bash", "Python": "python3"}
BY_EXTENSION = {"sh": "Shell", "bash": "Bash", "py": "Python"}
TRY_AGAIN = 75
DEFAULT_TIMEOUT = 60.0
_NAME = re.compile(r"[^A-Za-z0-9_]")
_SHOWN = 4000

plugin = Driver(
    "script",
    "0.1.0",
    description="Runs shell, Bash and Python scripts of a service.",
    artifacts=[
        *(f"{PROFILE}{kind}" for kind in (*INTERPRETERS, "Script")),
        *(f"{SIMPLE}{kind}" for kind in ("Bash", "Python")),
    ],
    grants={
        "commands": [
            {"program": program, "arguments": ["..."], "effect": "change", "environment": ["*"]}
            for program in INTERPRETERS.values()
        ],
        "files": [{"path": "{artifacts}", "access": "read"}],
    },
)


@plugin.function()
def run(context: Context, inputs: Inputs | None = None) -> dict[str, Any]:
    """Run the script; its exit code decides, and 75 means that it may be tried again."""
    site = Site.of(context.site)
    artifact = context.site.get("artifact") or {}
    file, path = str(artifact.get("file") or ""), str(artifact.get("path") or "")
    if not path:
        raise Permanent("not-found", f"the script {file!r} did not come with the service; is it in the archive?")
    timeout = (artifact.get("properties") or {}).get("timeout")
    event = context.site.get("event")
    folder = path.removesuffix(f"/{file}") if path.endswith(f"/{file}") else None
    output = context.run(
        _interpreter(artifact, file),
        path,
        env=_environment(site, event, inputs or {}),
        stdin=json.dumps(event, indent=2, ensure_ascii=False) + "\n" if event is not None else None,
        cwd=folder,
        timeout=float(timeout or DEFAULT_TIMEOUT),
        check=False,
    )
    if output.recorded:
        return {"attributes": {}}
    if not output.ok:
        said = (output.stderr.strip() or output.stdout.strip())[-_SHOWN:]
        message = f"{file} ended with {output.status}{': ' + said if said else ''}"
        detail = {"status": output.status, "stdout": output.stdout[-_SHOWN:], "stderr": output.stderr[-_SHOWN:]}
        raise (Temporary if output.status == TRY_AGAIN else Permanent)("script-failed", message, detail)
    for line in output.stderr.splitlines()[-100:]:
        context.log(line, "warning")
    result: dict[str, Any] = {"attributes": {}, "output": output.stdout[-_SHOWN:]}
    outputs = _outputs(output.stdout)
    return result | ({"outputs": outputs} if outputs is not None else {})


def _interpreter(artifact: dict[str, Any], file: str) -> str:
    for label in artifact.get("classes") or []:
        kind = str(label).rpartition("::")[2].rpartition(".")[2]
        if kind in INTERPRETERS:
            return INTERPRETERS[kind]
    kind = BY_EXTENSION.get(file.rpartition(".")[2], "")
    if not kind:
        known = ", ".join(INTERPRETERS)
        raise Permanent("unknown-script", f"how to run {file!r} is unknown: give the artifact one of the types {known}")
    return INTERPRETERS[kind]


def _environment(site: Site, event: Any, inputs: Inputs) -> dict[str, str]:
    found = {_NAME.sub("_", name): value if isinstance(value, str) else _text(value) for name, value in inputs.items()}
    return found | {
        "KHUTULUN_SERVICE": site.service,
        "KHUTULUN_NODE": site.node,
        "KHUTULUN_INDEX": str(site.index),
        "KHUTULUN_EVENT": str((event or {}).get("name") or "") if isinstance(event, dict) else "",
    }


def _text(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _outputs(text: str) -> dict[str, Any] | None:
    """Return what it prints, when that is one JSON object: the outputs of the operation."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
