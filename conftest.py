"""Root of every test of the repository: the test bed's fixtures and the rules for what may be left out.

The distributions are imported before pytest collects, so that their folders of the same names do not hide them.
"""

import floria  # noqa: F401
import khutulun  # noqa: F401
import puccini  # noqa: F401

pytest_plugins = ["testbed.fixtures", "testbed.strictness"]
