"""The built-in driver `ports`: TCP and UDP port numbers that belong to one workload alone."""

from ports_driver.driver import plugin

__all__ = ["plugin"]
