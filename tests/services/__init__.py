"""Real engines on this machine for tests: fetched once into a cache, started on loopback, stopped again.

`python -m tests.services up | down | env | run COMMAND …`. Nothing here needs root, and nothing is installed: Debian's
packages are unpacked into the cache, jars come from Maven's repository, Go programs are built.
"""
