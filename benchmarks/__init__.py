"""Measures Khutulun beside the raw tools: all with ``python -m benchmarks``, one with ``python -m benchmarks.NAME``."""
