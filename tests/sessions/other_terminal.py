"""`tty`: the program has another terminal than the debugger's."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path


def check(fred_gdb: Path, program: Path, env: dict[str, str], timeout: float) -> list[str]:
    """`program` asks for a name and greets it."""
    def run(*commands: str) -> subprocess.CompletedProcess[str]:
        words = [word for command in commands for word in ("-ex", command)]
        return subprocess.run([str(fred_gdb), "-q", "-nx", "-batch", *words, str(program)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, timeout=timeout,
                              check=False)

    master, other = pty.openpty()
    try:
        os.write(master, b"bob\n")  # typed before it asks
        name = os.ttyname(other)
        done = run(f"tty {name}", "break 15", "run", "print turns")
        missing = run("tty /no/terminal", "run")
        said = os.read(master, 65536).decode()
    finally:
        os.close(master)
        os.close(other)
    wrong = [] if "name? " in said and "hello bob" in said else [f"on its terminal: {said!r}"]
    if "hello" in done.stdout or "$1 = 1" not in done.stdout:
        wrong.append(f"at the debugger's: {done.stdout!r}")
    if "/no/terminal" not in missing.stdout or missing.returncode == 0:
        wrong.append(f"a terminal that is not there: {missing.stdout!r}")
    return wrong
