"""`khutulun service …`."""

import click

from khutulun.cli.lazy import LazyGroup


@click.group(
    cls=LazyGroup,
    commands_at={
        "deploy": "deploy:deploy",
        "plan": "deploy:plan",
        "list": "look:list_services",
        "show": "look:show",
        "graph": "graph:graph",
        "outputs": "look:outputs",
        "events": "events:service_events",
        "update": "deploy:update",
        "validate": "look:validate",
        "run": "deploy:run",
        "resume": "deploy:resume",
        "undeploy": "deploy:undeploy",
    },
)
def service() -> None:
    """Deploy services, look at them, change them, take them away."""
