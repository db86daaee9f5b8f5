"""What was found out about files that import each other by the thousand, kept for the next time.

`puccini.cache.loading.load` is `puccini.load` with a memory; ``puccini-tosca validate`` calls it.
"""
