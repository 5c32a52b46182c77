# program: busy
# with the helper
"""Snapshots that a called function has left are no places of history: the list has neither them nor their sizes."""
import os
import re

import gdb


def quiet(command):
    return gdb.execute(command, to_string=True)


def status(pid, name):
    with open(f"/proc/{pid}/status") as file:
        return re.search(rf"^{name}:\s*(.*)$", file.read(), re.MULTILINE)[1]


def processes():
    """Of the snapshots, whether they are listed or not."""
    session = status(gdb.selected_inferior().pid, "PPid")
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if status(pid, "Name") == "fred-snapshot" and status(pid, "PPid") == session:
                found.append(pid)
        except OSError:
            pass
    return found


def held(pid):
    """What it holds and no other process does, in MiB."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(size) for size in re.findall(r"^Private_\w+:\s*(\d+)", file.read(), re.MULTILINE)) / 1024


def listed():
    """Their sizes in MiB."""
    return [float(size) for size in re.findall(r"([0-9.]+) MiB", quiet("info snapshots"))]


quiet("break half_done")
quiet("continue")
while len(processes()) - len(listed()) < 3:
    quiet("call fill(500)")
shown = len(listed())
while len(listed()) == shown:
    quiet("set var turns = 1")
    quiet("continue")
# What lies in the call holds the pages that it has changed since: 4 MiB.
print("hidden", max(map(held, processes())) > 4, "sizes", max(listed()) < 3.5)
#> hidden True sizes True
