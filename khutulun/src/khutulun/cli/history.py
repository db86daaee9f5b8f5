"""`khutulun history`: what was done."""

import click

from khutulun import model
from khutulun.cli import effects, output, text
from khutulun.cli.options import SERVICE_OR_NODE, Remote, Target, connected


@click.command()
@click.argument("target", type=SERVICE_OR_NODE, metavar="SERVICE[/NODE]")
@click.option("--script", is_flag=True, help="Print it as a shell script that can be run by hand.")
@connected
def history(remote: Remote, target: Target, script: bool) -> None:
    """Show every command and file that made a service or one of its nodes, in order.

    \b
    Examples:
      khutulun history hello
      khutulun history hello/web --script > web.sh
    """
    if script:
        output.show_script(remote.output, remote.client.script(target.service, target.node, remote.directory))
        return
    found = remote.client.history(target.service, target.node, remote.directory)
    output.show(remote.output, list[model.Effect], found, _lines)


def _lines(history: list[model.Effect]) -> list[str]:
    lines: list[str] = []
    for effect in history:
        where = f"{effect.node} {effect.operation}"
        lines.append(text.clean(f"# {text.instant(effect.time)} {effect.host} {where} ({effect.duration:.3f} s)"))
        failed = effects.outcome(effect)
        lines.append(effects.line(effect) + (f"  # {failed}" if failed else ""))
    return lines or ["nothing was done yet"]
