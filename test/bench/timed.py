"""Runs a command and writes what it took to a file, as JSON: seconds, CPU seconds and peak RSS of it and its children.

Node tells no resource usage of its children; wait4 does: https://man7.org/linux/man-pages/man2/wait4.2.html
"""

import json
import os
import sys
import time

result, *command = sys.argv[1:]
started = time.monotonic()
pid = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(pid, 0)
took = {
    "seconds": time.monotonic() - started,
    "cpuS": usage.ru_utime + usage.ru_stime,
    "rssMb": usage.ru_maxrss / 1024,
    "exitCode": os.waitstatus_to_exitcode(status),
}
with open(result, "w") as file:
    json.dump(took, file)
