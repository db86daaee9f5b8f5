"""`khutulun service deploy | plan | update | resume | undeploy`: what changes a service, or would."""

from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from floria.values import Value
from khutulun import model
from khutulun.cli import assignments, design, effects, grants, output, problems, progress, text
from khutulun.cli.options import SERVICE, Remote, connected

CHANGES = 2
"""The exit code of a plan that is not empty."""

_FILE = click.Path(path_type=Path)
_ADOPT = click.option(
    "--adopt", multiple=True, metavar="NODE=NAME", help="Take what runs already under NAME as NODE, without a restart."
)
_SUBSTITUTES = click.option(
    "--substitutes",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="A file, beside FILE or below, whose service template can substitute nodes. Repeatable.",
)
_NO_WAIT = click.option("--no-wait", is_flag=True, help="Do not wait for the end.")


@click.command()
@click.argument("file", type=_FILE)
@click.option("-n", "--name", help="The service's name.  [default: the file's]")
@_SUBSTITUTES
@assignments.options
@_ADOPT
@click.option("--trust", type=_FILE, metavar="FILE", help="Send only an archive that was signed by somebody in FILE.")
@grants.option
@_NO_WAIT
@connected
def deploy(
    remote: Remote,
    file: Path,
    name: str | None,
    substitutes: tuple[Path, ...],
    input: tuple[str, ...],
    inputs: Path | None,
    adopt: tuple[str, ...],
    trust: Path | None,
    **how: bool,
) -> int:
    """Deploy the service in FILE and wait until it runs.

    FILE is a TOSCA file (sent with everything that it imports and names), a folder with one, a CSAR, or a Floria bundle
    in YAML. When it brings plugins, what they ask for is shown, and you are asked.

    \b
    Examples:
      khutulun service deploy hello.yaml --input greeting='Good morning'
      khutulun service deploy shop.csar --name shop-2 --inputs shop.inputs.yaml
      khutulun service deploy legacy.yaml --adopt web=nginx.service
      khutulun service deploy hello.yaml --no-wait --output json
    """
    if trust is not None:
        design.check_signature(file, trust)
    request = _adopting(_request(remote, file, name, input, inputs, substitutes), adopt)
    return _run(remote, _grants(remote.client.deploy, request, how), None, how)


@click.command()
@click.argument("file", type=_FILE, required=False)
@click.option("-n", "--name", help="The service's name.  [default: the file's]")
@_SUBSTITUTES
@assignments.options
@_ADOPT
@grants.option
@click.option("--script", is_flag=True, help="Print the commands and files as a shell script.")
@connected
def plan(
    remote: Remote,
    file: Path | None,
    name: str | None,
    substitutes: tuple[Path, ...],
    input: tuple[str, ...],
    inputs: Path | None,
    adopt: tuple[str, ...],
    yes: bool,
    script: bool,
) -> int:
    """Say what a deploy, or an update of a service that exists, would do: the nodes that change, and the exact
    commands and files. Nothing is changed.

    The exit code is 0 when there is nothing to do, 2 when there are changes, 1 when there is an error. Without FILE,
    the update keeps the design of the service --name.

    \b
    Examples:
      khutulun service plan hello.yaml
      khutulun service plan --name hello --input greeting=Hi
      khutulun service plan hello.yaml --script > hello.sh
    """
    request = _adopting(_request(remote, file, name, input, inputs, substitutes), adopt)
    found = grants.granted(request, remote.client.plan, yes=yes)
    if script:
        output.show_script(remote.output, found.script)
    else:
        output.show(remote.output, model.Plan, found, _plan_lines)
    changed = found.effects or any(change.change != "unchanged" for change in found.changes)
    return CHANGES if changed else 0


@click.command()
@click.argument("name", type=SERVICE)
@click.argument("file", type=_FILE, required=False)
@_SUBSTITUTES
@assignments.options
@grants.option
@click.option("--no-rollback", is_flag=True, help="When it fails, leave everything as it is then.")
@_NO_WAIT
@connected
def update(
    remote: Remote,
    name: str,
    file: Path | None,
    substitutes: tuple[Path, ...],
    input: tuple[str, ...],
    inputs: Path | None,
    no_rollback: bool,
    **how: bool,
) -> int:
    """Update the service NAME to FILE, to other inputs, or to both; only the difference is acted on.

    Inputs that are not named stay as they are. Several representations of a node are updated one after the other, each
    when the one before is ready. When the update fails, the service goes back to what it was.

    \b
    Examples:
      khutulun service update hello --input greeting=Hi
      khutulun service update hello hello-2.yaml
    """
    request = _request(remote, file, name, input, inputs, substitutes)
    request = msgspec.structs.replace(request, rollback=not no_rollback)
    return _run(remote, _grants(remote.client.update, request, how), name, how, rollback=not no_rollback)


@click.command()
@click.argument("name", type=SERVICE)
@_NO_WAIT
@connected
def resume(remote: Remote, name: str, **how: bool) -> int:
    """Try again what failed, and what was skipped because of it, in the last execution of the service NAME."""
    return _run(remote, lambda: remote.client.resume(name, remote.directory), name, how)


@click.command()
@click.argument("name", type=SERVICE)
@click.argument("workflow")
@assignments.options
@_NO_WAIT
@connected
def run(remote: Remote, name: str, workflow: str, input: tuple[str, ...], inputs: Path | None, **how: bool) -> int:
    """Run WORKFLOW, which the design of the service NAME brings, and show its steps.

    \b
    Examples:
      khutulun service run shop backup
      khutulun service run shop backup --input to=/srv/backup
    """
    given = assignments.read(input, inputs)
    return _run(remote, lambda: remote.client.run(name, workflow, given, remote.directory), name, how, imperative=True)


@click.command()
@click.argument("name", type=SERVICE)
@_NO_WAIT
@connected
def undeploy(remote: Remote, name: str, **how: bool) -> int:
    """Stop and delete everything of the service NAME, in reverse order, and leave nothing behind."""
    return _run(remote, lambda: remote.client.undeploy(name, remote.directory), name, how)


def _request(
    remote: Remote,
    file: Path | None,
    name: str | None,
    pairs: tuple[str, ...],
    file_of_inputs: Path | None,
    substitutes: tuple[Path, ...],
) -> model.DeployRequest:
    """Read everything before anything is sent, then upload the design."""
    found: dict[str, Value] = assignments.read(pairs, file_of_inputs)
    if file is None:
        if name is None:
            raise click.UsageError("Name a FILE, or a service with --name.", click.get_current_context())
        return model.DeployRequest(name, None, remote.directory, found)
    content = design.read(file, substitutes)
    name = design.name(file) if name is None else name
    return model.DeployRequest(name, remote.client.upload(content), remote.directory, found)


def _grants(
    send: Callable[[model.DeployRequest], model.Execution], request: model.DeployRequest, how: dict[str, bool]
) -> Callable[[], model.Execution]:
    return lambda: grants.granted(request, send, yes=how["yes"])


def _adopting(request: model.DeployRequest, pairs: tuple[str, ...]) -> model.DeployRequest:
    """Return the request with what is adopted: ``NODE=NAME`` each."""
    found = {}
    for pair in pairs:
        node, equals, existing = pair.partition("=")
        if not (node and equals and existing):
            raise click.BadParameter(f"{pair!r} is not NODE=NAME", param_hint="--adopt")
        found[node] = existing
    return msgspec.structs.replace(request, adopt=found)


def _run(
    remote: Remote,
    start: Callable[[], model.Execution],
    service: str | None,
    how: dict[str, bool],
    *,
    rollback: bool = False,
    imperative: bool = False,
) -> int:
    execution = progress.follow(remote, start, service=service, wait=not how["no_wait"])
    output.show(
        remote.output, model.Execution, execution, lambda found: _ran(found) if imperative else _summary(remote, found)
    )
    if execution.state != "failed":
        return 0
    problems.show(execution.problems or [step.problem for step in execution.steps if step.problem])
    if rollback:
        advice = f"it goes back to what it was: see 'khutulun service events {execution.service}'"
    else:
        advice = f"mend it, then 'khutulun service resume {execution.service}'"
    click.echo(f"hint: {advice}", err=True)
    return 1


def _ran(execution: model.Execution) -> list[str]:
    """Return how a workflow of a design ended, and its outputs."""
    if execution.state == "running":
        look = f"look at it with 'khutulun service show {execution.service}'"
        return [f"{execution.service}: {text.clean(execution.workflow)} has begun; {look}"]
    outputs = [
        f"{text.clean(name)}: {text.attribute(model.Attribute(value))}"
        for name, value in sorted(execution.outputs.items())
    ]
    return [f"{execution.service}: {text.clean(execution.workflow)} {execution.state}", *text.indent(outputs)]


def _summary(remote: Remote, execution: model.Execution) -> list[str]:
    """Return how it ended, and after a deploy or update what the service offers."""
    name = execution.service
    match execution.state, execution.workflow:
        case "running", workflow:
            return [f"{name}: {workflow} has begun; look at it with 'khutulun service show {name}'"]
        case "failed", workflow:
            return [f"{name}: {workflow} failed"]
        case _, "undeploy":
            return [f"{name} is gone"]
    service = remote.client.service(name, remote.directory)
    outputs = [f"{text.clean(key)}: {text.attribute(value)}" for key, value in sorted(service.outputs.items())]
    return [f"{name} is {service.state.value}", *text.indent(outputs)]


def _plan_lines(plan: model.Plan) -> list[str]:
    changes = [change for change in plan.changes if change.change != "unchanged"]
    if not changes and not plan.effects:
        return [f"{plan.service}: nothing to do"]
    lines = [f"{plan.service}: {len(changes)} of {len(plan.changes)} nodes change"]
    lines += text.indent(_change_line(change) for change in sorted(plan.changes, key=lambda change: change.node))
    lines += effects.grouped(plan.effects)
    if plan.unknown:
        lines += ["Known only when it is done:", *text.indent(map(text.clean, plan.unknown))]
    if plan.warnings:
        lines += ["Warnings:", *text.indent(map(text.clean, plan.warnings))]
    return lines


def _change_line(change: model.NodeChange) -> str:
    properties = f" ({', '.join(map(text.clean, change.properties))})" if change.properties else ""
    return f"{change.change:10} {text.clean(change.node)}{properties}"
