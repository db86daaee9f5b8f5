"""The built-in driver `process`: bare processes and jobs, through systemd or Khutulun's own supervisor."""

from process_driver.driver import plugin

__all__ = ["plugin"]
