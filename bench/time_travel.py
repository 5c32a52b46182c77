#!/usr/bin/env python3
"""Times the commands that travel in time, at fred-gdb's own prompt, and prints a table with what each is allowed.

The program is kernels/travel.cpp: 10^9 branches, 10^6 calls. A command's time runs from its line being written until the
next prompt has come, so that gdb's part and the terminal's are in it.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
PROMPT = re.compile(rb"\(fred[^)\n]*\) $")
TIMEOUT = 120.0


class Prompt:
    """fred-gdb with pipes; `do` gives what a command prints and how long it took."""

    def __init__(self, build: Path, folder: Path, program: Path, *words: str):
        self.process = subprocess.Popen([str(build / "bin/fred-gdb"), "-q", "-nx", *words, str(program)], cwd=folder,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder),
                                             "LANG": "C.UTF-8"})
        self.read()

    def read(self) -> str:
        assert self.process.stdout is not None
        data, end = b"", time.monotonic() + TIMEOUT
        while not PROMPT.search(data):
            if not select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                raise RuntimeError(f"no prompt: {data[-300:]!r}")
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                raise RuntimeError(f"fred-gdb has ended: {data[-300:]!r}")
            data += chunk
        return PROMPT.sub(b"", data).decode(errors="replace")

    def do(self, command: str) -> tuple[str, float]:
        assert self.process.stdin is not None
        begin = time.perf_counter()
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        text = self.read()
        return text, time.perf_counter() - begin

    def seconds(self, command: str) -> float:
        return self.do(command)[1]

    def ticks(self) -> int:
        return int(number(r"Time (\d+):", self.do("when")[0]))

    def memory(self) -> int:
        """Bytes, shared ones divided among those that share them, of fred-gdb's children but for gdb."""
        total = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = path.read_text().partition("(")[2].rpartition(")")
                if int(rest.split()[1]) == self.process.pid and name != "gdb":
                    rollup = (path.parent / "smaps_rollup").read_text()
                    total += int(number(r"Pss: +(\d+)", rollup)) * 1024
            except (OSError, ValueError):
                continue
        return total

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def number(regex: str, text: str) -> float:
    found = re.search(regex, text)
    if not found:
        raise RuntimeError(f"no '{regex}' in {text[-300:]!r}")
    return float(found[1])


@dataclass
class Line:
    what: str
    value: float
    unit: str
    limit: float | None = None
    remark: str = ""

    @property
    def over(self) -> bool:
        return self.limit is not None and self.value > self.limit


@dataclass
class Table:
    lines: list[Line] = field(default_factory=list)

    def add(self, what: str, value: float, unit: str, limit: float | None = None, remark: str = "") -> None:
        line = Line(what, value, unit, limit, remark)
        self.lines.append(line)
        print(f"| {what:<64} | {value:>9.3f} {unit:<5} | {'' if limit is None else f'{limit:g}':>6}{' !' if line.over else '  '} "
              f"| {remark} |", flush=True)


def timed(command: list[str], folder: Path) -> float:
    begin = time.perf_counter()
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=False, env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder)})
    return time.perf_counter() - begin


def start_up(c: Context) -> None:
    """On a program that does nothing: what is above gdb's own is fred's start."""
    ours, gdbs = [], []
    for _ in range(c.runs):
        words = ["-q", "-nx", "--batch", "-ex", "run", "-ex", "quit", "/bin/true"]
        gdbs.append(timed(["gdb", *words], c.folder))
        ours.append(timed([str(c.build / "bin/fred-gdb"), *words], c.folder))
    c.table.add("fred-gdb --batch -ex run -ex quit, above gdb's own", median(ours) - median(gdbs), "s", 0.5,
                f"gdb's own: {median(gdbs):.2f} s")


def steps(c: Context, prompt: Prompt, begin: int, end: int) -> None:
    draw = random.Random(1)
    for command, limit in (("reverse-stepi", 20.0), ("reverse-step", 60.0), ("reverse-next", 60.0)):
        going, first, later = [], [], []
        for _ in range(c.places):
            going.append(prompt.seconds(f"goto {draw.randrange(begin, end)}"))
            first.append(prompt.seconds(command))
            later += [prompt.seconds(command) for _ in range(3)]
        c.table.add(f"{command}, first after a goto", 1e3 * median(first), "ms", limit,
                    f"median of {c.places} places; worst {1e3 * max(first):.0f} ms")
        c.table.add(f"{command}, the next ones", 1e3 * median(later), "ms", limit / 2, f"worst {1e3 * max(later):.0f} ms")
        c.table.add("  its goto", 1e3 * median(going), "ms", None, f"worst {1e3 * max(going):.0f} ms")


def searches(c: Context, prompt: Prompt) -> None:
    def back(breakpoint_: str) -> float:
        prompt.do("goto end")
        prompt.do(breakpoint_)
        seconds = prompt.seconds("reverse-continue")
        prompt.do("delete")
        return seconds

    nothing = median(back("break abort") for _ in range(c.runs))
    c.table.add("reverse-continue over all of history, nothing hit", nothing, "s", None, "")
    early = median(back("break main") for _ in range(c.runs))
    c.table.add("reverse-continue to a break at its beginning, by that", early / nothing, "x", 1.3, "")
    for expression, regex in (("level < 8", "level < 8"), ("calls < 400000", "calls < 400000")):
        prompt.do("goto end")
        text, seconds = prompt.do(f"reverse-watch {expression}")
        probes = number(r"\((\d+) probes", text)
        if not re.search(regex, text):
            raise RuntimeError(text)
        c.table.add(f"reverse-watch {expression}", seconds, "s", 3.0, "")
        c.table.add("  its probes", probes, "", 40, "")
    prompt.do("goto end")
    c.table.add("reverse-watch --last level", prompt.seconds("reverse-watch --last level"), "s", None, "")
    prompt.do("goto end")
    c.table.add("reverse-watch --last every_turn (written 2.5 * 10^8 times)",
                prompt.seconds("reverse-watch --last every_turn"), "s", None, "")


def snapshots(c: Context, prompt: Prompt) -> None:
    text = prompt.do("stats")[0]
    count = number(r"snapshots +(\d+)", text)
    c.table.add("snapshots' share of the run time", number(r"\(([\d.]+)%\)", text), "%", 3.0, f"{count:.0f} snapshots")
    c.table.add("memory of the engine's processes", prompt.memory() / 2**20, "MiB", 300, "shared pages counted once")


def list_demo(c: Context) -> None:
    prompt = Prompt(c.build, c.folder, c.build / "bench/long_list")
    prompt.do("run")
    text, seconds = prompt.do("reverse-watch list_len(head) < 500")
    probes = number(r"\((\d+) probes", text)
    c.table.add("reverse-watch list_len(head) < 500, 1000 nodes", seconds, "s", 2.0, f"{probes:.0f} probes")
    prompt.end()


def long_history(c: Context) -> None:
    """A minute of execution: what its history takes."""
    prompt = Prompt(c.build, c.folder, c.program)
    seconds = prompt.seconds("run 50000000")
    c.table.add("memory of the engine's processes after a long run", prompt.memory() / 2**20, "MiB", 300,
                f"recorded in {seconds:.0f} s")
    count = number(r"snapshots +(\d+)", prompt.do("stats")[0])
    c.table.add("  its snapshots", count, "", None, "")
    c.table.add("  goto 50%", prompt.seconds("goto 50%"), "s", None, "")
    prompt.end()


def gdbs_own(c: Context) -> None:
    """gdb's `record full` on a slice of the same program, and its software watchpoint."""
    instructions = 20000
    script = ("import time\n"
              "begin = time.time(); gdb.execute('stepi {0}', to_string=True); print('step', (time.time() - begin) / {0})\n"
              "gdb.execute('record full'); gdb.execute('set record full insn-number-max unlimited')\n"
              "begin = time.time(); gdb.execute('stepi {0}', to_string=True); print('full', (time.time() - begin) / {0})\n")
    path = c.folder / "slice.py"
    path.write_text(script.format(instructions))
    words = ["gdb", "-q", "-nx", "-batch", "-ex", "break interpret", "-ex", "run", "-x", str(path), str(c.program)]
    text = subprocess.run(words, cwd=c.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False).stdout
    each = number(r"full ([\d.e-]+)", text)
    c.table.add("gdb's own `record full`, an instruction", 1e6 * each, "µs", None, "forward only, a slice of the program")


@dataclass
class Context:
    build: Path
    folder: Path
    program: Path
    runs: int
    places: int
    table: Table = field(default_factory=Table)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--runs", type=int, default=3, help="of what is repeated; the median counts")
    parser.add_argument("--places", type=int, default=50, help="Times from which steps are measured")
    parser.add_argument("--long", action="store_true", help="also what a minute of execution takes")
    options = parser.parse_args()
    build = options.build.resolve()
    with tempfile.TemporaryDirectory(prefix="fred-bench-") as name:
        c = Context(build, Path(name), build / "bench/travel", options.runs, options.places)
        print("| what | measured | limit | |\n|---|--:|--:|---|")
        start_up(c)
        native = median(timed([str(c.program)], c.folder) for _ in range(c.runs))
        prompt = Prompt(build, c.folder, c.program)
        prompt.do("break interpret")
        prompt.do("run")
        begin = prompt.ticks()
        prompt.do("delete")
        running = prompt.seconds("continue")
        c.table.add("recording the program at the prompt, by its own time", running / native, "x", None,
                    f"natively {native:.2f} s")
        end = prompt.ticks()
        snapshots(c, prompt)
        steps(c, prompt, begin, end)
        searches(c, prompt)
        prompt.end()
        list_demo(c)
        gdbs_own(c)
        if options.long:
            long_history(c)
    over = [line.what for line in c.table.lines if line.over]
    for what in over:
        print(f"above its limit: {what}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
