"""The built-in driver `program`: delivers and installs programs that a service carries."""

from program_driver.driver import plugin

__all__ = ["plugin"]
