"""Measures Khutulun beside the raw tools; run all with ``python -m benchmarks``, one with ``python -m benchmarks.NAME``."""
