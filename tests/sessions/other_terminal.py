"""`tty`: the program has another terminal than the debugger's."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path


def check(fred_gdb: Path, program: Path, env: dict[str, str], timeout: float) -> list[str]:
    """`program` asks for a name and greets it."""
    master, other = pty.openpty()
    try:
        os.write(master, b"bob\n")  # typed before it asks
        name = os.ttyname(other)
        words = ["-q", "-nx", "-batch", "-ex", f"tty {name}", "-ex", "break 15", "-ex", "run", "-ex", "print turns"]
        done = subprocess.run([str(fred_gdb), *words, str(program)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=env, timeout=timeout, check=False)
        missing = subprocess.run([str(fred_gdb), "-q", "-nx", "-batch", "-ex", "tty /no/terminal", "-ex", "run", str(program)],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 env=env, timeout=timeout, check=False)
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
