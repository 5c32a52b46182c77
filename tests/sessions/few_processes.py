"""Where the user may not have more processes, there are fewer snapshots: the program and its history are unharmed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

USER = 54321  # has no other processes
# Processes and threads of the user at most, when nothing is to be short; gdb has some for each processor.
MOST = 40 + 4 * (os.cpu_count() or 1)

# For gdb's Python: the limit of all processes of the user.
LIMIT = f"""
import os, resource

def of_user():
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if os.stat('/proc/' + pid).st_uid == os.getuid():
                yield int(pid)
        except OSError:
            pass

def threads():
    return sum(len(os.listdir(f'/proc/{{pid}}/task')) for pid in of_user())

def limit(most):
    for pid in of_user():
        try:
            resource.prlimit(pid, resource.RLIMIT_NPROC, (most, {MOST}))
        except OSError:
            pass
"""

# What is wanted are the values that are printed, in this order, and the lines of fred's own.
SHORT = re.compile(r"^\[fred: fewer snapshots: .*\(.*: Resource temporarily unavailable\)\]$")
REFUSED = "cannot fork a worker: Resource temporarily unavailable"
SESSIONS = {
    # Nothing can be started while the program runs, from its start on.
    "live": (["break main", "break finished", "run", "python limit(threads())", "continue", f"python limit({MOST})",
              "print turns", "goto 50%", "print turns > 0 && turns < 120000000", "goto end", "print turns", "delete",
              "continue"],
             ["120000000", "1", "120000000"], ["fewer", "end"]),
    # All places are taken: what re-executes needs that of a snapshot. Then nothing can be started, then all again.
    "workers": (["break half_done", "break finished", "run", "continue",
                 "goto 70%", "print turns > 60000000 && turns < 120000000",
                 "python limit(threads())", "reverse-continue", "print turns", "goto 20%", "reverse-step",
                 "print turns > 0 && turns < 60000000", "goto end", "print turns",
                 "python limit(1)", "goto 10%", "print turns", f"python limit({MOST})",
                 "goto 10%", "print turns > 0 && turns < 60000000", "goto end", "delete", "continue"],
                ["1", "60000000", "1", "120000000", "120000000", "1"], ["fewer", "refused", "end"]),
}


def lines_of_fred(output: str) -> list[str]:
    kinds = []
    for line in output.splitlines():
        if line.startswith("[fred: "):
            kinds.append("fewer" if SHORT.match(line) else "end" if "ends here with exit status 3" in line else line)
        elif line == REFUSED:
            kinds.append("refused")
    return kinds


def check(fred_gdb: Path, program: Path, folder: Path, env: dict[str, str], timeout: float) -> list[str] | None:
    """What is wrong; None: the test cannot be made here."""
    setpriv = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    readable = ["test", "-x", str(fred_gdb), "-a", "-x", str(program)]
    if os.geteuid() != 0 or subprocess.run([*setpriv, *readable], check=False).returncode != 0:
        return None
    folder.chmod(0o777)
    (folder / "limit.py").write_text(LIMIT)
    wrong = []
    for name, (commands, values, lines) in SESSIONS.items():
        words = [word for command in ("source limit.py", *commands) for word in ("-ex", command)]
        done = subprocess.run(["prlimit", f"--nproc={MOST}", *setpriv, str(fred_gdb), "-q", "-nx", "--batch", *words,
                               str(program)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, cwd=folder, env=env, timeout=timeout, check=False)
        printed = re.findall(r"^\$\d+ = (\d+)$", done.stdout, re.MULTILINE)
        if printed != values or lines_of_fred(done.stdout) != lines:
            wrong += [f"{name}: {printed}, {lines_of_fred(done.stdout)}", done.stdout]
    return wrong
