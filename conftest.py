"""Imports the distributions before pytest collects, so that their folders of the same names do not hide them."""

import floria  # noqa: F401
import khutulun  # noqa: F401
import puccini  # noqa: F401
