"""One timed run of a program, natively or under fred, with its output checked."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

from programs import Program

NATIVE, RUN, RECORD, VERIFY = "native", "run", "record", "re-execute"
MODES = (NATIVE, RUN, RECORD, VERIFY)
VERIFIED = re.compile(rb"^fred: verified (\d+) events, (\d+) ticks, ([\d.]+) s, no divergence(, \d+ processes)?$")
TIMEOUT_SECONDS = 600.0
GRACE_SECONDS = 5.0


class Failed(Exception):
    """The program did not do what it does natively; the message says in what."""


@dataclasses.dataclass(frozen=True)
class Run:
    """Seconds of wall time (for VERIFY: those of the re-execution alone, as fred says), and what came out."""

    seconds: float
    digest: str
    status: int
    calls: int = 0
    log_bytes: int = 0
    events: int = 0
    ticks: int = 0


class Bench:
    """Runs programs in `folder`, where their inputs are; `fred` may be missing if only NATIVE is asked for."""

    def __init__(self, folder: Path, fred: Path, options: list[str]):
        self.folder, self.fred, self.options = folder, fred, options
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": "/", "LANG": "C", "TMPDIR": str(folder)}

    def run(self, program: Program, mode: str) -> Run:
        for name in program.scratch:
            (self.folder / name).unlink(missing_ok=True)
        log = self.folder / "log"
        shutil.rmtree(log, ignore_errors=True)
        try:
            return self._run(program, mode, log)
        finally:
            shutil.rmtree(log, ignore_errors=True)

    def _run(self, program: Program, mode: str, log: Path) -> Run:
        command = self.command(program.command, mode, log)
        output, errors = self.folder / "stdout", self.folder / "stderr"
        with open(output, "wb") as out, open(errors, "wb") as err:
            start = time.perf_counter()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.folder,
                                       env=self.environment)
            ended = wait(process, TIMEOUT_SECONDS)
            seconds = time.perf_counter() - start
        if not ended:
            process.terminate()
            if not wait(process, GRACE_SECONDS):
                process.kill()
        status = process.wait()
        if not ended:
            raise Failed(f"no end within {TIMEOUT_SECONDS:g} s")
        written = output.read_bytes()
        calls = re.search(rb" calls=(\d+)\n", written[-100:])
        run = Run(seconds, hashlib.sha256(written).hexdigest(), status, int(calls[1]) if calls else 0)
        if mode == VERIFY:
            lines = errors.read_bytes().splitlines()
            said = VERIFIED.match(lines[-1]) if lines else None
            if not said:
                raise Failed(last_line(errors) or "no 'fred: verified' line")
            run = dataclasses.replace(run, seconds=float(said[3]), events=int(said[1]), ticks=int(said[2]),
                                      log_bytes=disk_use(log))
        elif status != 0:
            raise Failed(f"status {status}: {last_line(errors)}")
        return run

    def command(self, command: tuple[str, ...], mode: str, log: Path) -> list[str]:
        if mode == NATIVE:
            return list(command)
        verb = {RUN: ["run"], RECORD: ["record"], VERIFY: ["record", "--verify", "--keep-log", str(log)]}[mode]
        return [str(self.fred), *verb, *self.options, "--", *command]


def wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """True if the process ended in time. (Popen.wait with a timeout looks only every 50 ms.)"""
    with os.fdopen(os.pidfd_open(process.pid)) as handle:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


def last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines()
    return lines[-1][:200] if lines else ""


def disk_use(folder: Path) -> int:
    """Bytes on disk of all files below `folder`, or their length where that is less."""
    sizes = (path.stat() for path in folder.rglob("*") if path.is_file())
    return sum(min(s.st_size, s.st_blocks * 512) for s in sizes)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    return "unknown processor"
