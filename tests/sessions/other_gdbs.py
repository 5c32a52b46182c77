#!/usr/bin/env python3
"""The tests of sessions with other versions of gdb than the system's: those of other releases of Debian.

Each is fetched with all its libraries into build/fetched/RELEASE, once, and started by its own dynamic linker. What
cannot be fetched is skipped, with the reason.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import debian  # noqa: E402

# Debian 13 has gdb 16; testing has whatever is new.
RELEASES = ("trixie", "testing")
RUNNERS = ("run_sessions.py", "run_rsp.py", "run_bad_input.py")
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)

LAUNCHER = """#!/bin/sh
exec {linker} --library-path {libraries} {root}/usr/bin/gdb "$@"
"""


def fetch(release: str, folder: Path) -> Path:
    """The folder with the release's gdb."""
    launcher = folder / "bin/gdb"
    if launcher.exists():
        return launcher.parent
    root = debian.Release(release, folder).unpack("gdb")
    libraries = root / "usr/lib/x86_64-linux-gnu"
    # The printers of types belong to the libraries of the programs, which are the system's.
    printers = root / "usr/share/gdb/auto-load"
    subprocess.run(["rm", "-rf", str(printers)], check=True)
    printers.symlink_to("/usr/share/gdb/auto-load")
    launcher.parent.mkdir(exist_ok=True)
    unfinished = launcher.with_suffix(".new")
    unfinished.write_text(LAUNCHER.format(linker=libraries / "ld-linux-x86-64.so.2", libraries=libraries, root=root))
    unfinished.chmod(0o755)
    unfinished.rename(launcher)
    return launcher.parent


def run_all(name: str, build: Path, gdb: Path) -> list[int]:
    total = [0, 0, 0]
    for runner in RUNNERS:
        done = subprocess.run([sys.executable, str(HERE / runner), "--build", str(build), "--gdb", str(gdb)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
        counts = COUNTS.findall(done.stdout)
        print(f"{name}, {runner}:\n{done.stdout}", end="", flush=True)
        row = [int(n) for n in counts[-1]] if counts else [0, 1, 0]
        total = [a + b for a, b in zip(total, row)]
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help=f"of Debian; without any: {' '.join(RELEASES)}")
    options = parser.parse_args()
    build = options.build.resolve()
    total = [0, 0, 0]
    for release in options.releases or RELEASES:
        try:
            gdb = fetch(release, build / "fetched" / release)
            version = debian.run([str(gdb / "gdb"), "-nx", "--version"], build).splitlines()[0]
        except debian.Unavailable as reason:
            print(f"skipped the gdb of Debian {release}: {reason}")
            total[2] += 1
            continue
        total = [a + b for a, b in zip(total, run_all(version, build, gdb))]
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
