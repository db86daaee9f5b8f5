"""`khutulun completion`."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell. Names of services and nodes are completed too.

    \b
    Examples:
      khutulun completion bash > ~/.local/share/bash-completion/completions/khutulun
      khutulun completion zsh > "${fpath[1]}/_khutulun"
      khutulun completion fish > ~/.config/fish/completions/khutulun.fish
    """
    from khutulun.cli.application import khutulun

    found = get_completion_class(shell)
    assert found is not None
    complete = found(khutulun, {}, "khutulun", "_KHUTULUN_COMPLETE")
    click.echo(complete.source_template % complete.source_vars())
