"""Lua with debug information, built from Debian's sources: an interpreter of optimised C with inlined code and macros."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import debian  # noqa: E402
import harness  # noqa: E402

RELEASE = "bookworm"  # with Lua 5.4.4, whose lines the session names
FLAGS = ["-g3", "-O2", "-std=gnu99", "-DLUA_USE_POSIX"]


def fetch(folder: Path) -> Path:
    """The program in this folder, which is made only once."""
    program = folder / "lua"
    if program.exists():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    sources = debian.Release(RELEASE, folder).source("lua5.4") / "src"
    files = sorted(path.name for path in sources.glob("*.c") if path.name != "luac.c")
    try:
        harness.run_tool(["gcc", *FLAGS, "-o", "lua", *files, "-lm", "-ldl"], sources)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise debian.Unavailable(f"Lua cannot be built: {error}") from None
    (sources / "lua").rename(program)
    return program
