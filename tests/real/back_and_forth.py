#!/usr/bin/env python3
"""Real programs under fred-gdb, back and forth: at equal Times registers and memory must be equal.

A row of PROGRAMS stops one of run_real.py's programs deep inside, at a symbol that it exports. Then random moves follow:
goto in all its forms, instructions forwards and backwards, reverse-continue, continue within history, reverse-finish.
After each one `when` is asked and the state there is taken; a Time that was visited before must have the state that it
had then. At last back to the start, forward to the end of history, and live on to the end of the program: its output,
its status and the files that it leaves must be the native ones, and history what it was before.

What fails is printed with all commands up to there; --seed repeats it. --quick: few programs, few moves.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import random
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import harness  # noqa: E402
import run_real  # noqa: E402
from harness import Result  # noqa: E402


@dataclasses.dataclass
class Place:
    """Where a case of run_real.py is stopped: the `after`-th time behind the first that `symbol` is reached."""

    case: str
    symbol: str
    after: int
    quick: bool = False


PROGRAMS = [
    Place("bash_builtins", "expand_string_assignment", 300),
    Place("bash_commands", "execute_command_internal", 30),
    Place("cc1plus", "_Z15finish_functionb", 20),
    Place("gawk", "strtod", 2000),
    Place("lua", "lua_settop", 2000, quick=True),
    Place("perl", "Perl_pp_match", 300, quick=True),
    Place("python3", "PyDict_SetItem", 5000),
    Place("python3_threads", "PyDict_SetItem", 5000, quick=True),
    Place("sqlite3", "sqlite3_step", 500),
    Place("xz_threads", "lzma_code", 5),
]

TIME = re.compile(r"Time (\S+), (the end of history so far|[\d.]+% of history)")
END = re.compile(r"the program ends here (?:with exit status|by signal) (\d+)")


class Difference(Exception):
    """What is wrong."""


class Prompt:
    """fred-gdb with pipes; each command's output ends with a mark that gdb echoes behind it."""

    def __init__(self, fred_gdb: Path, folder: Path, command: list[str], timeout: float) -> None:
        self.timeout, self.number, self.said = timeout, 0, b""
        self.commands: list[str] = []
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/", "LANG": "C", "TMPDIR": str(folder / "tmp")}
        with harness.spawn_lock:
            self.process = subprocess.Popen([fred_gdb, "-q", "-nx", command[0]], cwd=folder / "work", env=environment,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            harness.children.add(self.process.pid)

    def ask(self, command: str) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.commands.append(command)
        self.number += 1
        mark = f"@@{self.number}@@"
        self.process.stdin.write(f"{command}\necho \\n{mark}\\n\n".encode())
        self.process.stdin.flush()
        deadline = time.monotonic() + self.timeout
        while mark.encode() not in self.said:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not select.select([self.process.stdout], [], [], remaining)[0]:
                raise Difference(f"'{command}' does not end within {self.timeout:g} s; so far: {self.said[-300:]!r}")
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                raise Difference(f"fred-gdb has ended after '{command}': {self.said[-300:]!r}")
            self.said += chunk
        answer, _, self.said = self.said.partition(mark.encode())
        return answer.decode(errors="replace")

    def close(self) -> int | None:
        """The status of fred-gdb; None if it had to be killed."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
            self.process.wait(self.timeout)
            return self.process.returncode
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            self.process.wait()
            return None
        finally:
            with harness.spawn_lock:
                harness.children.discard(self.process.pid)


class Walk:
    """Where it has been, and what was there."""

    def __init__(self, prompt: Prompt, numbers: random.Random) -> None:
        self.prompt, self.numbers = prompt, numbers
        self.seen: dict[str, dict] = {}
        self.how: dict[str, str] = {}  # the command that came to a Time first
        self.compared = 0
        self.at_tip = False

    def look(self, command: str) -> str:
        """Takes the state and compares it; gives the Time."""
        found = TIME.search(self.prompt.ask("when"))
        if not found:
            raise Difference(f"'{command}': no Time")
        at, self.at_tip = found[1], found[2].startswith("the end")
        answer = self.prompt.ask("python position_state()")
        state = json.JSONDecoder().raw_decode(answer, answer.index("{"))[0]
        before = self.seen.setdefault(at, state)
        self.how.setdefault(at, command)
        if before is not state:
            self.compared += 1
            wrong = [f"{key}: {before['memory'].get(key)}, now {state['memory'].get(key)}"
                     for key in sorted(before["memory"].keys() | state["memory"].keys())
                     if before["memory"].get(key) != state["memory"].get(key)]
            if before["registers"] != state["registers"]:
                wrong += ["registers", f"  {before['registers']}", f"  {state['registers']}"]
            if wrong:
                raise Difference("\n  ".join([f"at {at}, first reached by '{self.how[at]}', now by '{command}':", *wrong]))
        return at

    def go(self, command: str) -> str:
        self.prompt.ask(command)
        return self.look(command)

    def move(self) -> str:
        """A random command; nothing that would execute much that is new."""
        pick = self.numbers
        count = pick.choice([1, 1, 2, 5, 20])
        moves = [lambda: f"goto {pick.randrange(1, 1000) / 10}%", lambda: f"goto {pick.choice(list(self.seen))}",
                 lambda: f"goto {pick.choice(list(self.seen))}", lambda: f"goto -{pick.choice([1, 10, 1000])}",
                 lambda: f"reverse-stepi {count}", lambda: f"reverse-stepi {count}", lambda: f"stepi {count}",
                 lambda: f"stepi {count}", lambda: "reverse-nexti", lambda: "reverse-continue", lambda: "reverse-finish",
                 lambda: "undo"]
        if not self.at_tip:
            moves.append(lambda: "continue")
        return pick.choice(moves)()


def walk(prompt: Prompt, case: run_real.Case, place: Place, moves: int, seed: int) -> tuple[Walk, str]:
    """The whole session; gives the exit status that fred tells as well."""
    stdin = f" <{case.stdin}" if case.stdin else ""
    for command in ["set confirm off", "set pagination off", f"source {HERE}/position_state.py",
                    "set breakpoint pending on", "handle SIGTERM nostop noprint pass",
                    f"set args {shlex.join(case.command[1:])}{stdin} >../out 2>../err", f"break *{place.symbol}",
                    f"ignore 1 {place.after}"]:
        prompt.ask(command)
    if "Breakpoint 1," not in (stopped := prompt.ask("run")):
        raise Difference(f"no stop at {place.symbol}: {stopped}")
    trip = Walk(prompt, random.Random(seed))
    trip.look("run")
    start = trip.go("goto start")
    trip.go("goto end")
    for _ in range(moves):
        trip.go(trip.move())
    tip = trip.go("goto end")
    prompt.ask("delete")
    if trip.go("reverse-continue") != start:
        raise Difference("reverse-continue does not come to the start")
    if trip.go("continue") != tip:
        raise Difference("continue does not come to the end of history")
    ended = END.search(prompt.ask("continue"))
    if not ended:
        raise Difference("the program does not end")
    trip.look("continue")
    for at in [tip, start, *trip.numbers.sample(list(trip.seen), min(5, len(trip.seen)))]:
        trip.go(f"goto {at}")
    return trip, ended[1]


def check(place: Place, options: argparse.Namespace) -> Result:
    name = place.case + ("_large" if options.large else "")
    case = next(c for c in run_real.cases() if c.name == name)
    if missing := [tool for tool in (case.command[0], *case.needs) if not shutil.which(tool)]:
        return Result(place.case, "skipped", [f"not installed: {', '.join(missing)}"])
    base = Path(tempfile.mkdtemp(prefix="back-and-forth-"))
    trip = None
    try:
        for folder in ("work", "native", "tmp"):
            (base / folder).mkdir()
        for folder in ("work", "native"):
            case.prepare(base / folder)
        command = [shutil.which(case.command[0]) or case.command[0], *case.command[1:]]
        native = harness.execute(command, timeout=options.timeout, prepare=case.prepare,
                                 stdin=(base / "native" / case.stdin).read_bytes() if case.stdin else None)
        prompt = Prompt(options.build.resolve() / "bin/fred-gdb", base, command, options.timeout)
        wrong: list[str] = []
        try:
            trip, status = walk(prompt, case, place, options.moves, options.seed)
            if int(status) != native.status:
                wrong.append(f"exit status {status}, natively {native.status}")
        except Difference as difference:
            wrong += str(difference).splitlines()
        if prompt.close() is None:
            wrong.append("fred-gdb had to be killed")
        if not wrong:
            wrong += harness.first_difference("stdout", native.stdout, (base / "out").read_bytes())
            wrong += harness.first_difference("stderr", native.stderr, (base / "err").read_bytes())
            files = harness.digests(base / "work")
            wrong += [f"file {n}: {files.get(n)}, natively {native.files.get(n)}"
                      for n in sorted(files.keys() | native.files.keys()) if files.get(n) != native.files.get(n)]
        wrong += [f"process left behind: {n}" for n in harness.end_orphans(str(base / "tmp"))]
        wrong += [f"left in TMPDIR: {path.name}" for path in (base / "tmp").iterdir()]
        if wrong:
            shown = [c for c in prompt.commands if not c.startswith(("when", "python"))]
            return Result(place.case, "failed", [*wrong, f"seed {options.seed}: {'; '.join(shown)}"])
        assert trip is not None
        return Result(place.case, "passed", [f"{trip.compared} comparisons at {len(trip.seen)} Times"])
    finally:
        shutil.rmtree(base, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build", help="build folder")
    parser.add_argument("--quick", action="store_true", help="few programs, few moves")
    parser.add_argument("--large", action="store_true", help="with run_real.py's large inputs")
    parser.add_argument("--moves", type=int, default=0, help="default: 100, quick 25")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--filter", action="append", default=[], metavar="SUBSTR", help="only names that contain it")
    parser.add_argument("--timeout", type=float, default=0, metavar="SECONDS", help="of one command (60 quick, else 600)")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true", help="print what passed as well")
    options = parser.parse_args()
    options.moves = options.moves or (25 if options.quick else 100)
    options.timeout = options.timeout or (60 if options.quick else 600)
    chosen = [p for p in PROGRAMS if (p.quick or not options.quick)
              and (not options.filter or any(f in p.case for f in options.filter))]
    harness.become_subreaper()
    return harness.report(options.jobs, [partial(check, place, options) for place in chosen], options.verbose)


if __name__ == "__main__":
    sys.exit(main())
