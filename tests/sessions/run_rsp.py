#!/usr/bin/env python3
"""Sessions of plain gdb with `fred serve`.

rsp/NAME.gdb holds commands. `#> REGEX` behind a command: a line of its output matches, in this order; `#! REGEX`: none
does. `# gdb < 14:` before a command: only with these versions. `# program: NAME` names one of programs/, `# args: ...`
its arguments. rsp/NAME.py is a script for gdb's Python with one expectation about all of its output, and "# with the
helper" if it needs fred's commands. FOLDER is the folder that the session runs in, HELPER the file of fred's commands that
`fred serve` names.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import harness  # noqa: E402
from harness import Result  # noqa: E402
from terminal import as_gdb_13  # noqa: E402

MARK = "@@ command "


@dataclasses.dataclass
class Context:
    fred: Path
    programs: Path
    timeout: float
    gdb: Path | None = None  # a folder with another gdb than the system's


@dataclasses.dataclass
class Command:
    text: str
    expected: list[str]
    unwanted: list[str]


@dataclasses.dataclass
class Session:
    program: str
    args: list[str]
    commands: list[Command]


def parse(path: Path, folder: Path, helper: Path, version: int) -> Session:
    old_only, left_out = False, False
    session = Session("", [], [])
    script = path.suffix == ".py"
    if script and "\n# with the helper\n" in path.read_text():
        session.commands.append(Command(f"source {helper}", [], []))
    if script:
        session.commands.append(Command(f"source {path}", [], []))
    for line in path.read_text().replace("FOLDER", str(folder)).replace("HELPER", str(helper)).splitlines():
        if line.startswith("# program: "):
            session.program = line[11:].strip()
        elif line.startswith("# args: "):
            session.args = line[8:].split()
        elif line.startswith("# gdb < "):
            old_only = version >= int(line[8:].rstrip(":"))
        elif left_out and line.startswith(("#> ", "#! ")):
            continue
        elif line.startswith("#> "):
            session.commands[-1].expected.append(line[3:])
        elif line.startswith("#! "):
            session.commands[-1].unwanted.append(line[3:])
        elif line and not line.startswith("#") and not script:
            left_out, old_only = old_only, False
            if not left_out:
                session.commands.append(Command(line, [], []))
    return session


def environment(c: Context, tmp: Path) -> dict[str, str]:
    return {"PATH": harness.path_with(c.gdb), "HOME": str(tmp), "LANG": "C", "LC_ALL": "C", "TMPDIR": str(tmp),
            "SHELL": "/bin/sh"}


def gdb_command(target: str, program: Path, commands: list[str]) -> list[str]:
    words = ["gdb", "-q", "-nx", "-batch"]
    for command in ["set sysroot /", "set confirm off", "set width 0", "set height 0", "set debuginfod enabled off",
                    f"file {program}", target, *commands]:
        words += ["-ex", command]
    return words


@contextmanager
def server(c: Context, folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """fred serve, and what it says that it listens at."""
    tmp = folder / "tmp"
    tmp.mkdir(exist_ok=True)
    with harness.spawn_lock:
        process = subprocess.Popen([str(c.fred), "serve", *words], cwd=folder, env=environment(c, tmp), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        harness.children.add(process.pid)
    assert process.stderr is not None
    try:
        where = ""
        while select.select([process.stderr], [], [], c.timeout)[0]:
            line = process.stderr.readline().decode()
            if not line or line.startswith("Listening on "):
                where = line.split()[-1] if line else ""
                break
        yield process, where
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(c.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with harness.spawn_lock:
            harness.children.discard(process.pid)


def left_over(folder: Path) -> list[str]:
    tmp = folder / "tmp"
    wrong = [f"process left behind: {name}" for name in harness.end_orphans(str(tmp))]
    return wrong + [f"left in TMPDIR: {path.name}" for path in sorted(tmp.glob("fred-*"))]


def run_gdb(c: Context, folder: Path, words: list[str]) -> str:
    with harness.spawn_lock:
        process = subprocess.Popen(words, cwd=folder, env=environment(c, folder / "tmp"), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        harness.children.add(process.pid)
    try:
        output, _ = process.communicate(timeout=c.timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        output += b"\nno end within the limit"
    with harness.spawn_lock:
        harness.children.discard(process.pid)
    return as_gdb_13(output.decode(errors="replace"))


def gdb_version(c: Context) -> int:
    first_line = subprocess.run(["gdb", "-nx", "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                env={"PATH": harness.path_with(c.gdb), "HOME": "/"}, check=True).stdout.splitlines()[0]
    return int(first_line.split()[-1].partition(".")[0])


def check(session: Session, output: str) -> list[str]:
    blocks = re.split(re.escape(MARK) + r"(\d+)\n", output)
    outputs = {int(number): text for number, text in zip(blocks[1::2], blocks[2::2])}
    wrong = []
    for number, command in enumerate(session.commands):
        lines = outputs.get(number, "").splitlines()
        at = 0
        for regex in command.expected:
            found = next((i for i in range(at, len(lines)) if re.search(regex, lines[i])), None)
            if found is None:
                wrong.append(f"{command.text}: no line '{regex}' in {lines[:8]}")
                break
            at = found  # a line may hold two things
        wrong += [f"{command.text}: a line '{regex}'" for regex in command.unwanted
                  if any(re.search(regex, line) for line in lines)]
    return wrong


def check_script(c: Context, folder: Path, path: Path) -> list[str]:
    session = parse(path, folder, c.fred.parent.parent / "share/fred/fred.py", gdb_version(c))
    program = c.programs / session.program
    (folder / f"{path.stem}.in").write_text("a line\n")
    commands = []
    for number, command in enumerate(session.commands):
        commands += [f"echo \\n{MARK}{number}\\n", command.text]
    with server(c, folder, "--once", "--", str(program), *session.args) as (process, port):
        if not port:
            return ["fred serve does not listen"]
        output = run_gdb(c, folder, gdb_command(f"target extended-remote :{port}", program, commands))
        try:
            status = process.wait(c.timeout)
        except subprocess.TimeoutExpired:
            return ["fred serve --once does not end", output[-500:]]
    wrong = check(session, output)
    if status != 0:
        wrong.append(f"fred serve ends with status {status}")
    return wrong


def check_remote(c: Context, folder: Path) -> list[str]:
    """Plain `target remote`, over a socket in the file system; the server stays for a second gdb."""
    program = c.programs / "walk"
    path = folder / "socket"
    with server(c, folder, "--socket", str(path), "--", str(program)) as (_, _):
        first = run_gdb(c, folder, gdb_command(f"target remote {path}", program, ["break twice", "continue", "disconnect"]))
        second = run_gdb(c, folder, gdb_command(f"target remote {path}", program, ["reverse-next", "reverse-next"]))
    wrong = []
    if "twice (n=153)" not in first:
        wrong.append(f"first: {first[-300:]}")
    if "errno = 7" not in second:
        wrong.append(f"second: {second[-300:]}")
    return wrong


def check_stdio(c: Context, folder: Path) -> list[str]:
    program = c.programs / "walk"
    (folder / "tmp").mkdir()
    output = run_gdb(c, folder, gdb_command(f"target extended-remote | {c.fred} serve --stdio", program,
                                            [f"set remote exec-file {program}", "break twice", "run", "reverse-next"]))
    return [] if "twice (n=153)" in output and "total = twice" in output else [output[-500:]]


def check_interrupt(c: Context, folder: Path) -> list[str]:
    """Ctrl-C stops the program where it runs, a search backwards, and running in the past."""
    program = c.programs / "signals"
    script = folder / "interrupt.py"
    script.write_text(f"helper = {str(HERE / 'interrupt_when_running.py')!r}" + """
import gdb, os, subprocess
def interrupted(command):
    subprocess.Popen(["python3", helper, str(gdb.selected_inferior().pid), str(os.getpid())])
    try:
        return gdb.execute(command, to_string=True)
    except KeyboardInterrupt:
        return "quit"
gdb.execute("handle SIGUSR1 nostop noprint", to_string=True)
interrupted("continue")
print("loops:", int(gdb.parse_and_eval("stay")) == 1)
before = gdb.execute("monitor when", to_string=True)
gdb.execute("reverse-stepi", to_string=True)
gdb.execute("reverse-stepi", to_string=True)
gdb.execute("stepi", to_string=True)
gdb.execute("stepi", to_string=True)
print("back:", gdb.execute("monitor when", to_string=True) == before)
""")
    with server(c, folder, "--once", "--", str(program), "stay") as (_, port):
        output = run_gdb(c, folder, gdb_command(f"target extended-remote :{port}", program, [f"source {script}"]))
    return [] if all(f"{word}: True" in output for word in ("loops", "back")) and "SIGINT" in output else [output[-500:]]


def check_killed(c: Context, folder: Path) -> list[str]:
    """The program is killed from outside: its history stays."""
    program = c.programs / "signals"
    with server(c, folder, "--once", "--", str(program), "stay") as (_, port):
        commands = ["handle SIGUSR1 nostop noprint", "break handler", "continue", "continue", "delete",
                    "python import threading, os, signal; pid = gdb.selected_inferior().pid; "
                    "threading.Timer(1.0, os.kill, (pid, signal.SIGKILL)).start()",
                    "continue", "echo back\\n", "break handler", "reverse-continue", "print handled", "delete", "continue",
                    "continue"]
        output = run_gdb(c, folder, gdb_command(f"target extended-remote :{port}", program, commands))
    back = output.partition("back\n")[2]
    wrong = [] if "killed from outside" in output else ["no word of the death"]
    if "handler (n=10)" not in back or "= 10" not in back or "terminated with signal SIGKILL" not in back:
        wrong.append(output[-700:])
    return wrong


def check_server_killed(c: Context, folder: Path) -> list[str]:
    """With SIGKILL of fred everything ends."""
    program = c.programs / "walk"
    with server(c, folder, "--once", "--", str(program)) as (process, port):
        commands = ["break twice", "continue", "reverse-next", f"shell kill -KILL {process.pid}"]
        run_gdb(c, folder, gdb_command(f"target extended-remote :{port}", program, commands))
    return [f"process left behind: {name}" for name in harness.end_orphans(str(folder / "tmp"))]


def check_missing(c: Context, folder: Path) -> list[str]:
    (folder / "tmp").mkdir()
    outcome = harness.execute([str(c.fred), "serve", "--", "./no-such-program"], timeout=c.timeout)
    return [] if outcome.status == 127 and b"no-such-program" in outcome.stderr else [str(outcome)]


def oracle_answers(c: Context, folder: Path, program: Path, fred: bool) -> dict[str, Any]:
    source = [f"python use_fred = {fred}", f"source {HERE / 'rsp/oracle/reverse_ends.py'}"]
    if not fred:
        output = run_gdb(c, folder, gdb_command("echo", program, source))
    else:
        with server(c, folder, "--once", "--", str(program)) as (_, port):
            helper = f"source {c.fred.parent.parent / 'share/fred/fred.py'}"
            output = run_gdb(c, folder, gdb_command(f"target extended-remote :{port}", program, [helper, *source]))
    return json.loads(output.strip().splitlines()[-1])


def called_from_one_line(trace: list[list[int]], end: int, begin: int) -> bool:
    """From `end` on there is only one line up to a call, and `begin` is in what was called: gdb from 14 on may go back over
    all of that line, since it came to it in the middle."""
    call = next((i for i in range(end, begin) if trace[i + 1] != trace[end]), begin)
    return call < begin and trace[call + 1][0] > trace[end][0] and trace[begin][0] > trace[end][0]


def check_oracle(c: Context, folder: Path, name: str) -> list[str]:
    """Where reverse commands end, at a hundred places: as the trace of all instructions says, and as gdb's own
    `record full` does. Where the two differ gdb is wrong or the difference is meant (docs/REVERSE.md).

    Without columns: of several rows of the line table for one line gdb 13 stops at each.
    """
    source = HERE / "programs" / f"{name}.c"
    flags = re.search(r"// build: (.*)", source.read_text())
    assert flags is not None
    program = folder / name
    harness.run_tool(["gcc", *flags[1].split(), "-gno-column-info", "-o", str(program), str(source)], folder)
    (folder / "tmp").mkdir()
    own, ours = oracle_answers(c, folder, program, False), oracle_answers(c, folder, program, True)
    trace = ours["trace"]
    version = gdb_version(c)
    wrong = [] if own["count"] == ours["count"] else [f"{own['count']} instructions, under fred {ours['count']}"]
    for question, end in ours["ends"].items():
        begin, command = int(question.split()[0]), question.split()[1]
        depth, line = trace[begin]
        callers = [i for i in range(begin) if trace[i][0] < depth]
        expected = {"reverse-stepi": begin - 1,
                    "reverse-nexti": max(i for i in range(begin) if trace[i][0] <= depth),
                    "reverse-finish": callers[-1] if callers else begin}.get(command)
        if expected is None:
            expected = own["ends"][question]
            if trace[end][1] == line and expected < end < begin:
                continue  # another range of the same line, which gdb passes over
            if version >= 14 and expected < end and called_from_one_line(trace, end, begin):
                continue
            if version >= 18 and end == 0 and expected == 1:
                continue  # it does not see the first instruction
        if end != expected:
            wrong.append(f"{question}: at {end}, expected {expected}; lines {[row[1] for row in trace[end:begin + 1]][:20]}")
    return wrong


CHECKS: dict[str, Callable[[Context, Path], list[str]]] = {
    "remote": check_remote, "stdio": check_stdio, "interrupt": check_interrupt, "killed": check_killed,
    "server_killed": check_server_killed, "missing": check_missing,
    "oracle list": partial(check_oracle, name="list"), "oracle frames": partial(check_oracle, name="frames")}


def run_one(name: str, function: Callable[[Context, Path], list[str]], c: Context) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="rsp-"))
    try:
        wrong = function(c, folder)
        if name != "server_killed":  # its temporary folder is another's to clean
            wrong += left_over(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Result(name, "failed" if wrong else "passed", wrong)


def compile_programs(folder: Path) -> None:
    for source in sorted((HERE / "programs").glob("*.c")):
        if "-nostdlib" in source.read_text():  # of run_sessions.py
            continue
        harness.run_tool(["gcc", "-g", "-O0", "-o", str(folder / source.stem), str(source)], folder)


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs sessions of plain gdb with fred serve.")
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build", help="build folder")
    parser.add_argument("--filter", action="append", default=[], metavar="SUBSTR", help="only names that contain it")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="limit of one session")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true", help="print what passed as well")
    parser.add_argument("--gdb", type=Path, metavar="FOLDER", help="with the gdb that is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rsp-programs-") as programs:
        harness.become_subreaper()
        compile_programs(Path(programs))
        c = Context((options.build / "bin" / "fred").resolve(), Path(programs), options.timeout, options.gdb)
        checks = dict(CHECKS)
        for path in sorted((HERE / "rsp").glob("*.gdb")) + sorted((HERE / "rsp").glob("*.py")):
            checks[path.stem] = partial(check_script, path=path)
        chosen = [name for name in checks if not options.filter or any(f in name for f in options.filter)]
        return harness.report(options.jobs, [partial(run_one, name, checks[name], c) for name in chosen], options.verbose)


if __name__ == "__main__":
    sys.exit(main())
