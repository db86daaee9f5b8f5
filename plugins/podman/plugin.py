"""The built-in driver `podman`: containers, pods, volumes and networks with Podman."""

from podman_driver.driver import plugin

__all__ = ["plugin"]
