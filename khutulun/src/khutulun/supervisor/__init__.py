"""Keeps workloads running where there is no systemd (see docs/supervisor.md).

One small daemon per scope, reached through a unix socket by the program `khutulun-supervisor`. It uses the standard
library alone, avoids its heavy modules, and neither imports nor needs the rest of Khutulun.
"""


def main() -> None:
    """The program `khutulun-supervisor`."""
    from khutulun.supervisor import cli

    cli.main()
