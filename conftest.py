"""Root of every test of the repository: the test bed's fixtures and the rules for what may be left out.

The distributions are imported before pytest collects, so that their folders of the same names do not hide them.
"""

import signal

from hypothesis import HealthCheck, settings

import floria  # noqa: F401
import khutulun  # noqa: F401
import puccini  # noqa: F401

# What is tried is the same each time, and how long the machine takes for it does not count.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")

# A shell that starts the tests in the background has them ignore these, and so would all programs that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)

pytest_plugins = ["testbed.fixtures", "testbed.strictness"]
