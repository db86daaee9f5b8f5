"""`khutulun serve`."""

from pathlib import Path

import click


@click.command()
@click.option("--system", "scope", flag_value="system", help="For the whole machine.  [default for root]")
@click.option("--user", "scope", flag_value="user", help="For one user.  [default for everyone else]")
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Keep everything below this folder.")
@click.option("--socket", type=click.Path(path_type=Path), envvar="KHUTULUN_SOCKET", help="Listen here.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def serve(scope: str | None, state: Path | None, socket: Path | None, log_level: str) -> None:
    """Serve this machine: conductor and agent in one process, with SQLite, on a unix socket.

    It stays in the foreground; Ctrl-C stops it. Workloads keep running when it stops, and what was going on goes on
    when it is started again.

    \b
    Examples:
      khutulun serve
      khutulun serve --user --state ~/trial
    """
    from khutulun import paths, server

    chosen = paths.Scope(scope) if scope else paths.default_scope()
    server.serve(chosen, state=state, socket=socket, log_level=log_level)
