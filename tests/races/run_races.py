#!/usr/bin/env python3
"""Races that `fred record --chaos-until-failure` has to find: every program of examples/races within 200 runs, the same
again from the seed that it names. --table prints how many runs that takes, under each schedule and natively.

Each check_* function is one test besides: it gets a Context and returns the list of what is wrong.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))

import harness  # noqa: E402
from harness import Outcome, Result  # noqa: E402

MOST_RUNS = 200
DEADLOCK = 124  # fred's exit status for it
# program -> exit status when the race strikes
RACES = {
    "lost_update": 1,
    "missed_wakeup": DEADLOCK,
    "lock_order": DEADLOCK,
    "check_then_act": 1,
    "double_free": 128 + signal.SIGABRT,
    "aba": 1,
    "unsafe_publication": 1,
    "double_checked": 128 + signal.SIGSEGV,
    "condition_without_predicate": 1,
    "use_after_join": 1,
}
FAILED = re.compile(rb"fred: run (\d+) of at most \d+ failed, seed (\d+): (.*)")
FRED_SAYS = {DEADLOCK: rb"deadlock: thread \d+ in futex at 0x", 128 + signal.SIGABRT: rb"signal 6 \(",
             128 + signal.SIGSEGV: rb"signal 11 \(", 1: rb"exit status 1$"}


@dataclasses.dataclass
class Context:
    fred: Path
    programs: Path  # folder
    first_seed: int
    timeout: float

    def fred_record(self, *words: str, env: dict[str, str] | None = None) -> Outcome:
        return harness.execute([str(self.fred), "record", *words], timeout=self.timeout, env=env)

    def search(self, name: str, *options: str, first: int | None = None, most: int = MOST_RUNS) -> Outcome:
        seed = self.first_seed if first is None else first
        return self.fred_record(f"--chaos={seed}", f"--chaos-until-failure={most}", *options, "--",
                                str(self.programs / name))


def compile_all(folder: Path) -> None:
    sources = [ROOT / "examples" / "races" / f"{name}.c" for name in RACES] + sorted(HERE.glob("*.c"))
    for source in sources:
        subprocess.run(["cc", "-O0", "-g", "-pthread", "-o", folder / source.stem, source], check=True)


def failure(outcome: Outcome) -> tuple[int, int, bytes] | None:
    """Run, seed and how, of a search that found something."""
    found = FAILED.search(outcome.stderr)
    return (int(found[1]), int(found[2]), found[3]) if found else None


def check_race(name: str, c: Context) -> list[str]:
    status = RACES[name]
    outcome = c.search(name)
    found = failure(outcome)
    if found is None or outcome.status != status:
        return [f"status {outcome.status}, expected {status}", *outcome.problems, repr(outcome.stderr[-300:])]
    run, seed, how = found
    wrong = list(outcome.problems)
    if not re.search(FRED_SAYS[status], how):
        wrong.append(f"it failed with {how!r}")
    if status == 1 and outcome.stdout.count(b"\n") != 1:
        wrong.append(f"not the output of one run: {outcome.stdout!r}")
    if f"fred-gdb --chaos={seed} --args ".encode() not in outcome.stderr:
        wrong.append("it does not say how to debug it")
    if status == DEADLOCK:
        again = c.search(name, first=seed, most=1)
    else:
        again = c.fred_record("--verify", f"--chaos={seed}", "--", str(c.programs / name))
        if not any(harness.VERIFIED.fullmatch(line) for line in again.stderr.splitlines()):
            wrong.append(f"again, verified: {again.stderr[-200:]!r}")
    if again.status != status or again.stdout != outcome.stdout:
        wrong.append(f"seed {seed} again: status {again.status}, output {again.stdout!r}")
    return wrong + again.problems


def own_lines(outcome: Outcome) -> list[bytes]:
    return harness.split_fred_lines(outcome.stderr)[1]


def check_recording_is_kept(c: Context) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept"
        outcome = c.search("check_then_act", f"--keep-log={kept}")
        dump = harness.execute([str(c.fred), "dump", str(kept)], timeout=c.timeout)
        wrong = [] if dump.status == 0 and b"thread_switch" in dump.stdout else [f"dump: {dump.stderr[-200:]!r}"]
        if [p.name for p in Path(folder).iterdir()] != ["kept"]:
            wrong.append("something lies beside it")
        refused = c.search("check_then_act", f"--keep-log={kept}")
        if refused.status != 125 or len(own_lines(refused)) != 1 or b"not an empty folder" not in refused.stderr:
            wrong.append(f"a folder with a recording: {refused.status} {refused.stderr!r}")
        return wrong + outcome.problems


def check_none_fails(c: Context) -> list[str]:
    outcome = c.search("/bin/echo", most=3)
    line = f"fred: 3 runs, seeds {c.first_seed} to {c.first_seed + 2}: none failed".encode()
    good = outcome.status == 0 and outcome.stdout == b"" and own_lines(outcome) == [line]
    return outcome.problems + ([] if good else [f"{outcome.status} {outcome.stdout!r} {outcome.stderr!r}"])


def check_a_signal_still_to_come_is_no_deadlock(c: Context) -> list[str]:
    outcome = c.search("alarm_ends_wait", most=3)
    return outcome.problems + ([] if outcome.status == 0 else [f"{outcome.status} {outcome.stderr!r}"])


def check_deadlock_is_said(c: Context) -> list[str]:
    """Without the search it is said, and the program waits on, as it does natively."""
    found = failure(c.search("lock_order"))
    if found is None:
        return ["no deadlock"]
    with harness.spawn_lock:
        process = subprocess.Popen([c.fred, "record", f"--chaos={found[1]}", "--", c.programs / "lock_order"],
                                   stderr=subprocess.PIPE)
        harness.children.add(process.pid)
    with process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.terminate()  # goes to the program
        status = process.wait(c.timeout)
    with harness.spawn_lock:
        harness.children.discard(process.pid)
    good = re.fullmatch(rb"fred: deadlock: (thread \d+ in futex at 0x[0-9a-f]+(, |\n)){3}", line) and status == 143
    return [] if good else [f"{status} {line!r}"]


def check_input_is_read_by_every_run(c: Context) -> list[str]:
    outcome = harness.execute([str(c.fred), "record", "--chaos-until-failure=3", "--", "/bin/grep", "-q", "needle"],
                              stdin=b"hay\nneedle\n", timeout=c.timeout)
    return outcome.problems + ([] if outcome.status == 0 else [f"{outcome.status} {outcome.stderr!r}"])


def check_bad_input(c: Context) -> list[str]:
    wrong = []
    rows = (("--chaos-until-failure=0", 125, b"'0' is not a whole number from 1 to"),
            ("--chaos-until-failure=many", 125, b"'many' is not a whole number"),
            ("--chaos=-1", 125, b"'-1' is not a whole number"),
            ("--chaos=99999999999999999999", 125, b"not a whole number"))
    for option, status, says in rows:
        outcome = c.fred_record(option, "--", "/bin/true")
        if outcome.status != status or says not in outcome.stderr.splitlines()[0]:
            wrong.append(f"{option}: {outcome.status} {outcome.stderr!r}")
    missing = c.search("/nonexistent")
    if missing.status != 127 or len(own_lines(missing)) != 1:
        wrong.append(f"no program: {missing.status} {missing.stderr!r}")
    return wrong


def gdb_batch(c: Context, *words: str, prepare: Callable[[Path], None] | None = None) -> Outcome:
    return harness.execute([str(c.fred.parent / "fred-gdb"), "-nx", "-q", "--batch", *words], timeout=c.timeout,
                           prepare=prepare)


def check_fred_gdb(c: Context) -> list[str]:
    """It looks for a schedule under which the program fails, and debugs that one."""
    program = str(c.programs / "double_checked")
    wrong = []
    # By its name alone: gdb finds it here.
    searched = gdb_batch(c, "--chaos=1", "--chaos-until-failure", "-ex", "run", "-ex", "print table", "double_checked",
                         prepare=lambda folder: (folder / "double_checked").symlink_to(program))
    if b"received signal SIGSEGV" not in searched.stdout or b"$1 = (int * volatile) 0x0" not in searched.stdout:
        wrong.append(f"searched: {searched.stdout[-300:]!r} {searched.stderr[-300:]!r}")
    found = failure(searched)
    if found is None:
        return [*wrong, "no line about the run"]
    seeded = gdb_batch(c, f"--chaos={found[1]}", "-ex", "run", program)
    if b"received signal SIGSEGV" not in seeded.stdout:
        wrong.append(f"seed: {seeded.stdout[-300:]!r}")
    for option in ("--chaos=x", "--chaos-until-failure=0"):
        refused = gdb_batch(c, option, program)
        if refused.status != 1 or refused.stderr.count(b"\n") != 1 or b"not a whole number" not in refused.stderr:
            wrong.append(f"{option}: {refused.status} {refused.stderr!r}")
    return wrong


CHECKS = {name[6:]: function for name, function in list(globals().items())
          if name.startswith("check_") and name != "check_race"}


def run_check(name: str, c: Context) -> Result:
    wrong = check_race(name, c) if name in RACES else CHECKS[name](c)
    return Result(name, "failed" if wrong else "passed", wrong)


# The table ---------------------------------------------------------------------------------------------------


def fails(command: list[str], timeout: float) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=timeout, check=False)
    except subprocess.TimeoutExpired:  # of programs that take milliseconds: a deadlock
        return True
    return done.returncode != 0


def runs_until_failure(command: list[str], most: int) -> str:
    for run in range(1, most + 1):
        if fails(command, 3.0):
            return str(run)
    return f"> {most}"


def print_table(c: Context, names: list[str], searches: int, natively: int) -> None:
    print(f"Runs until the race strikes: natively and with the fair schedule the first of at most {natively}; with chaos "
          f"the median and the largest number of {searches} searches.\n")
    print("| program | native | fair | chaos: median | largest |\n|---|--:|--:|--:|--:|")
    for name in names:
        program = str(c.programs / name)
        native = runs_until_failure([program], natively)
        fair = runs_until_failure([str(c.fred), "record", "--", program], natively)
        runs = []
        for i in range(searches):
            found = failure(c.search(name, first=c.first_seed + 1000 * i))
            runs.append(found[0] if found else MOST_RUNS + 1)
        runs.sort()
        median, largest = (str(n) if n <= MOST_RUNS else f"> {MOST_RUNS}" for n in (runs[len(runs) // 2], runs[-1]))
        print(f"| {name} | {native} | {fair} | {median} | {largest} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Races that chaos has to find.")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="build folder")
    parser.add_argument("--filter", action="append", default=[], metavar="SUBSTR", help="only names that contain it")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="limit of one search")
    parser.add_argument("--table", action="store_true", help="print how many runs each race needs, instead of testing")
    parser.add_argument("--searches", type=int, default=11, help="of the table")
    parser.add_argument("--native-runs", type=int, default=100, help="of the table, also with the fair schedule")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true", help="print what passed as well")
    options = parser.parse_args()
    chosen = [n for n in [*RACES, *CHECKS] if not options.filter or any(f in n for f in options.filter)]
    with tempfile.TemporaryDirectory(prefix="races-") as folder:
        compile_all(Path(folder))
        context = Context(options.build.resolve() / "bin" / "fred", Path(folder), options.seed, options.timeout)
        if options.table:
            print_table(context, [n for n in chosen if n in RACES], options.searches, options.native_runs)
            return 0
        harness.become_subreaper()
        return harness.report(options.jobs, [partial(run_check, name, context) for name in chosen], options.verbose)


if __name__ == "__main__":
    sys.exit(main())
