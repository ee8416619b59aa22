"""Runs a command to its end and prints its exit code, wall seconds, processor seconds and the most KiB it held.

timed.py COMMAND...

It is a program of its own, and a small one, since Linux counts as a process's peak what its parent held when it began.
"""

import os
import sys
import time

NOTHING = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
start = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=NOTHING)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
print(os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
