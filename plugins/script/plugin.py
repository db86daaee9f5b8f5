"""The built-in driver `script`: runs shell, Bash and Python scripts of a service."""

from script_driver.driver import plugin

__all__ = ["plugin"]
