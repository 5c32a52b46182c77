#!/usr/bin/env python3
"""What fred-gdb says where something is wrong: a row is a command line, the one line that tells of it, and the status.

Nothing may be left behind, and nothing more may be said; what gdb adds of itself is in `also`.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import harness  # noqa: E402
from harness import Result  # noqa: E402


@dataclasses.dataclass
class Row:
    name: str
    words: list[str]  # {list}: a program with symbols
    says: str  # a regular expression for a line of standard error
    status: int = 1
    path: str = ""  # in front of PATH; {work} is where the files below are
    also: str = r"\Z."  # lines that may be there as well


FILES = {
    "old/gdb": "#!/bin/sh\necho 'GNU gdb (GDB) 9.2'\n", "other/gdb": "#!/bin/sh\necho hello\n", "plain-text": "no program\n",
    "garbage": "\x01\x02{}\n", "cut": '{"command":"break finished"}\n{"command":"run","to":"84',
    "no-text": '{"command":5}\n', "no-time": '{"command":"run","to":"soon"}\n',
    "elsewhere": '{"command":"break finished"}\n{"command":"run","to":"7:0x3"}\n',
}
# Later versions of gdb tell of sources that are not there, and 18 writes what the target says to standard error.
AT_EXIT = r"warning: \d+\t\S+_exit\.c: No such file or directory|\[fred: the program ends here with exit status 0; .*\]"
NO_PROGRAM = r"No executable file specified\."
NO_PROGRAM_ALSO = r'Use the "file" or "exec-file" command\.'


def at_end(name: str, command: str, says: str) -> Row:
    """A command at the breakpoint in finished(); the place where one is must not change."""
    return Row(name, ["--batch", "-ex", "break finished", "-ex", "run", "-ex", command, "{list}"], says)


ROWS = [
    Row("no gdb", ["--batch", "-ex", "run", "{list}"], r"fred: 'gdb' not found: install gdb \(at least version 12\)", path="only"),
    Row("no such gdb", ["--gdb", "/no/gdb", "{list}"], r"fred: '/no/gdb' not found: install gdb \(at least version 12\)"),
    Row("old gdb", ["{list}"], r"fred: 'gdb' is gdb 9; fred-gdb needs gdb 12 or newer", path="{work}/old"),
    Row("another gdb", ["{list}"], r"fred: 'gdb' is not gdb: it says 'hello' as its version", path="{work}/other"),
    Row("no program given", ["--batch", "-ex", "run"], NO_PROGRAM, also=NO_PROGRAM_ALSO),
    Row("no such program", ["--batch", "-ex", "run", "./nothing"], r"\./nothing: No such file or directory\.",
        also=f"{NO_PROGRAM}|{NO_PROGRAM_ALSO}"),
    Row("no program", ["--batch", "-ex", "start", "./plain-text"], r'".*plain-text": not in executable format: file format not recognized',
        also=f"{NO_PROGRAM}|{NO_PROGRAM_ALSO}"),
    Row("not executable", ["--batch", "-ex", "run", "./no-x"], r"fred: .*/no-x: Permission denied",
        also=r"Running .* on the remote target failed|cannot start \S+/no-x"),
    Row("not started", ["--batch", "-ex", "goto 5%", "{list}"], r"The program is not being run\."),
    Row("no symbols", ["--batch", "-ex", "run", "-ex", "reverse-watch head", "./stripped"], r'No symbol "head" in current context\.',
        also=AT_EXIT),
    Row("ends at once", ["--batch", "-ex", "run", "-ex", "reverse-watch nowhere", "/bin/true"], r'No symbol "nowhere" in current context\.',
        also=AT_EXIT),
    at_end("no expression", "reverse-watch", r"Argument required \(an expression whose change is to be found\)\."),
    at_end("half an expression", "reverse-watch list_len(", r"A syntax error in expression, near (`'|the end of `list_len\(')\."),
    at_end("half an expression, last", "reverse-watch --last head)", r"Junk after end of expression\."),
    at_end("no symbol, last", "last nowhere", r'No symbol "nowhere" in current context\.'),
    at_end("no such tick", "goto 99999999", r"tick 99999999 is outside of history, which is 0 to \d+"),
    at_end("after history", "goto 99999999:0x1", r"99999999:0x1 is outside of history, which is \S+ to \S+"),
    at_end("before history", "goto -99999999", r"history begins \d+ ticks back from here"),
    at_end("no such pc", "goto 12:0x5", r"there is no Time 12:0x5 in this history"),
    at_end("pc 0", "goto 12:0x0", r"there is no Time 12:0x0 in this history"),
    at_end("too much", "goto 200%", r'"200%" is no time: expected TICKS:0xPC, TICKS, N% .*'),
    at_end("no place", "goto nowhere", r'"nowhere" is no time: .*'),
    at_end("no checkpoint", "restart 4", r"No checkpoint number 4\."),
    at_end("no count", "reverse-stepi nowhere", r'No symbol "nowhere" in current context\.'),
    *(Row(f"log: {name}", ["--batch", "--replay-commands", f"{{work}}/{name}", "{list}"], says)
      for name, says in {
          "garbage": r"fred: \S+garbage:1: no JSON object", "cut": r"fred: \S+cut:2: no JSON object",
          "no-text": r'fred: \S+no-text:1: "command" is no string', "old": r"fred: cannot read \S+old",
          "no-time": r'fred: \S+no-time:1: "soon" is no Time: expected TICKS:0xPC',
          "elsewhere": r"fred: \S+elsewhere:2: 'run' ended at \S+, in the recording at 7:0x3",
          "missing": r"fred: cannot read \S+missing"}.items()),
]


def prepare(program: Path, work: Path) -> None:
    for name, text in FILES.items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(text)
        (work / name).chmod(0o755)
    for name in ("no-x", "stripped"):
        (work / name).write_bytes(program.read_bytes())
    (work / "stripped").chmod(0o755)
    harness.run_tool(["strip", "stripped"], work)


def check(row: Row, build: Path, timeout: float, gdb: Path | None) -> Result:
    program = build / "examples/list"
    # Where the run will be is known only in there: a shell puts it in.
    words = [w.format(list=program, work="$PWD") for w in row.words]
    path = "/nowhere" if row.path == "only" else f"{row.path.format(work='$PWD')}:{harness.path_with(gdb)}"
    line = " ".join(f'"{w}"' for w in [str(build / "bin/fred-gdb"), "-q", "-nx", *words])
    outcome = harness.execute(["/bin/sh", "-c", f'PATH="{path}"; exec {line}'], timeout=timeout,
                              prepare=partial(prepare, program), keep_files=False)
    lines = outcome.stderr.decode(errors="replace").splitlines()
    told = [text for text in lines if re.fullmatch(row.says, text)]
    wrong = list(outcome.problems)
    if len(told) != 1:
        wrong.append(f"{len(told)} lines '{row.says}'")
    wrong += [f"also says: {text}" for text in lines if text and text not in told and not re.fullmatch(row.also, text)]
    if outcome.status != row.status:
        wrong.append(f"status {outcome.status}, expected {row.status}")
    if wrong:
        wrong += [f"stderr: {outcome.stderr!r}", f"stdout: {outcome.stdout[-300:]!r}"]
    return Result(row.name, "failed" if wrong else "passed", wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--filter", default="", help="only rows whose name contains this")
    parser.add_argument("--timeout", type=float, default=60, help="seconds that one row may take")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--gdb", type=Path, metavar="FOLDER", help="with the gdb that is there")
    options = parser.parse_args()
    harness.become_subreaper()
    rows = [partial(check, row, options.build.resolve(), options.timeout, options.gdb) for row in ROWS if options.filter in row.name]
    return harness.report(options.jobs, rows, options.verbose)


if __name__ == "__main__":
    sys.exit(main())
