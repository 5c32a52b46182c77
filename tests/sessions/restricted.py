#!/usr/bin/env python3
"""Sessions and the demo where hardly anything is allowed, as in a container of somebody else's.

This process restricts itself, checks that the restrictions hold, and then runs sessions of run_sessions.py: as an
unprivileged user, under a seccomp filter that denies what other debuggers need, with a home that cannot be written to, a
small /dev/shm, TERM=dumb, and without a controlling terminal. What cannot be had here is reported as skipped.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import re
import struct
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import harness  # noqa: E402
import run_sessions  # noqa: E402
from harness import Result  # noqa: E402

NOBODY = 65534
PYTHON = "/usr/bin/python3"  # one that everybody can read
DENIED = {"ptrace": 101, "perf_event_open": 298, "process_vm_readv": 310, "process_vm_writev": 311, "userfaultfd": 323}
SHM_KILOBYTES = 4096
SESSIONS = ("fred_", "examples/", "within_gdb")

libc = ctypes.CDLL(None, use_errno=True)


def deny_system_calls() -> None:
    """A seccomp filter for this process and all that come from it."""
    load, jump_if_equal, give = 0x20, 0x15, 0x06
    allow, refuse, x86_64 = 0x7FFF0000, 0x00050000 | errno.EPERM, 0xC000003E
    calls = list(DENIED.values())
    program = [(load, 0, 0, 4), (jump_if_equal, 0, len(calls) + 1, x86_64), (load, 0, 0, 0)]
    program += [(jump_if_equal, len(calls) - i, 0, number) for i, number in enumerate(calls)]
    program += [(give, 0, 0, allow), (give, 0, 0, refuse)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in program))
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    set_no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    if libc.prctl(set_no_new_privileges, 1, 0, 0, 0) or libc.prctl(set_seccomp, mode_filter, filter_, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def make_shm_small() -> None:
    new_namespace, private, recursive = 0x20000, 0x40000, 0x4000
    if libc.unshare(new_namespace) or libc.mount(None, b"/", None, private | recursive, None) or \
            libc.mount(b"none", b"/dev/shm", b"tmpfs", 0, f"size={SHM_KILOBYTES}k,mode=1777".encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def restrict(build: Path) -> list[str]:
    """Restricts this process as far as it can be; says what cannot be."""
    skipped = []
    if os.getpid() != os.getsid(0):
        if os.getpid() == os.getpgrp():  # the leader of a group cannot leave its session
            if child := os.fork():
                sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os.setsid()
    try:
        make_shm_small()
    except OSError as error:
        skipped.append(f"small /dev/shm: {error.strerror}")
    if os.geteuid() == 0:
        reachable = subprocess.run(["setpriv", f"--reuid={NOBODY}", "--clear-groups", "test", "-x", build / "bin/fred-gdb",
                                    "-a", "-r", HERE], check=False).returncode == 0
        if reachable:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        else:
            skipped.append(f"unprivileged user: {build} is not readable for others")
    deny_system_calls()
    return skipped


def check_restrictions(skipped: list[str], home: Path) -> Result:
    wrong = []
    for name, number in DENIED.items():
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.EPERM:
            wrong.append(f"{name} is not denied")
    if os.geteuid() == 0 and not any("user" in s for s in skipped):
        wrong.append("still root")
    if os.geteuid() != 0 and os.access(home, os.W_OK):
        wrong.append("the home can be written to")
    room = os.statvfs("/dev/shm")
    if room.f_blocks * room.f_frsize != SHM_KILOBYTES * 1024 and not any("shm" in s for s in skipped):
        wrong.append("/dev/shm is not small")
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
        wrong.append("there is a terminal")
    except OSError:
        pass
    return Result("restrictions", "failed" if wrong else "passed", wrong)


def check_demo(home: Path) -> Result:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "TERM": "dumb"}
    done = subprocess.run([HERE.parent.parent / "dev", "demo", "--built"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=environment, timeout=60, check=False)
    good = done.returncode == 0 and re.search("The list became longer than nine at .*list.c:30 in append", done.stdout)
    return Result("demo", "passed" if good else "failed", [] if good else done.stdout.splitlines()[-20:])


def run(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="restricted-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        home.chmod(0o555)
        context = run_sessions.Context(options.build, 60, home=home, term="dumb")
        tests = [partial(check_restrictions, options.skipped, home), partial(check_demo, home)]
        tests += [test for name, test in run_sessions.all_tests(context).items()
                  if name.startswith(SESSIONS)]
        tests += [partial(Result, s.partition(":")[0], "skipped", [s.partition(": ")[2]]) for s in options.skipped]
        return harness.report(os.cpu_count() or 1, tests, options.verbose)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--restricted", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--skipped", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    options.build = options.build.resolve()
    if options.restricted:
        return run(options)
    words = [PYTHON, "-B", __file__, "--restricted", "--build", str(options.build)] + ["--verbose"] * options.verbose
    for skipped in restrict(options.build):
        words += ["--skipped", skipped]
    os.chdir("/")
    os.execv(PYTHON, words)


if __name__ == "__main__":
    sys.exit(main())
