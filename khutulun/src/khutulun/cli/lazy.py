"""Groups whose commands are imported when they are used, so that a short command starts fast."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """`commands_at` maps a command's name to ``module:attribute`` in this package, in the order of the help."""

    def __init__(self, *args: Any, commands_at: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self._commands_at.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        found = getattr(importlib.import_module(f"khutulun.cli.{module}"), attribute)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._commands_at and not args[0].startswith("-"):
            ctx.fail(self._unknown(ctx, args[0]))
        return super().resolve_command(ctx, args)

    def _unknown(self, ctx: click.Context, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, self._commands_at, 1)
        near = self._below(ctx, name) or near
        return f"There is no command {name!r}." + (f" Did you mean {near[0]!r}?" if near else "")

    def _below(self, ctx: click.Context, name: str) -> list[str]:
        """Return the commands of this name in the groups of this one, with the group's name before it."""
        groups = ((one, self.get_command(ctx, one)) for one in self._commands_at)
        return [
            f"{one} {name}"
            for one, group in groups
            if isinstance(group, click.Group) and name in group.list_commands(ctx)
        ]
