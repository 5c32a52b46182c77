#!/usr/bin/env python3
"""Drives fred-gdb through its prompt, as a user does, and compares what the terminal shows.

Each scripts/*.session is one test. Its header lines say what is started:

    # program: list            which of programs/*.c, or the path of an installed one
    # fetched: lua             instead: made from what is fetched (lua.py); skipped where it cannot be
    # with: fake | native | fred   the fake session (a recorded trace), gdb's own debugging, or what fred records
    # mode: terminal | batch | pipe | file   (file: standard input is an ordinary file)
    # options: -ex 'when'      of fred-gdb, before the program (batch); PROGRAMS is the folder programs/,
                             BUILT that of what is built from it
    # status: 0                the exit status

In a terminal, a line "> TEXT" types TEXT and Enter; "> ^C" and "> ^D" are keys, and "> TEXT<TAB>" ends with a TAB
instead of Enter. "! resize 30 100" changes the size of the terminal, "! wait TEXT" waits for TEXT to appear. Every
other line is expected output, as a part of a line, in this order; "..." skips none, all lines between may be there.
A line that begins with "/" is a regular expression, one that begins with "-" must not appear up to the next match. In
batch mode one that begins with "?" is a regular expression that matches with the system's gdb, and may do so with others.
A step waits for its expected lines: nothing here depends on how fast the machine is.

The pages of examples/ are tests as well (pages.py).
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import debian  # noqa: E402
import few_processes  # noqa: E402
import harness  # noqa: E402
import history  # noqa: E402
import lua  # noqa: E402
import other_terminal  # noqa: E402
import pages  # noqa: E402
import resized  # noqa: E402
from harness import Result  # noqa: E402
from terminal import Failure, Terminal, as_gdb_13  # noqa: E402

KEYS = {"^C": b"\x03", "^D": b"\x04", "^Z": b"\x1a", "<UP>": b"\x1b[A"}


@dataclasses.dataclass
class Script:
    name: str
    settings: dict[str, str]
    steps: list[str]

    @staticmethod
    def read(path: Path) -> Script:
        settings: dict[str, str] = {}
        steps = []
        for line in path.read_text().splitlines():
            header = re.match(r"# (program|fetched|with|mode|options|status|term): *(.*)", line)
            if header and not steps:
                settings[header[1]] = header[2]
            elif line and not line.startswith("# "):
                steps.append(line)
        return Script(path.stem, settings, steps)


@dataclasses.dataclass
class Context:
    build: Path
    timeout: float
    write_pages: bool = False
    home: Path | None = None  # nothing: the test's own folder
    term: str = "xterm"
    gdb: Path | None = None  # a folder with another gdb than the system's

    def environment(self, folder: Path) -> dict[str, str]:
        return {"PATH": harness.path_with(self.gdb), "HOME": str(self.home or folder), "LANG": "C.UTF-8",
                "TERM": self.term, "TMPDIR": str(folder)}

    def program(self, script: Script) -> Path:
        if script.settings.get("fetched") == "lua":
            return lua.fetch(self.build / "fetched/lua")
        return self.build / "tests/sessions" / script.settings.get("program", "list")

    def command(self, script: Script) -> list[str]:
        fake = script.settings.get("with", "fake") == "fake"
        program = self.program(script)
        folder = self.build / "bin"
        return [str(folder / ("fred-gdb-fake" if fake else "fred-gdb")), "-q", "-nx",
                *([] if script.settings.get("with") in ("fake", "fred", None) else ["--no-record"]),
                *shlex.split(script.settings.get("options", "").replace("PROGRAMS", str(HERE / "programs"))
                             .replace("BUILT", str(self.build / "tests/sessions"))), str(program)]


def keys_of(text: str) -> bytes:
    if text in KEYS:
        return KEYS[text]
    enter = b"\r"
    for mark, key in (("<TAB>", b"\t"), ("<ENTER>", b"\r"), ("<NOTHING>", b"")):
        if text.endswith(mark):
            text, enter = text[:-len(mark)], key
    for name, key in KEYS.items():
        if text.startswith(name):
            return key + text[len(name):].encode() + enter
    return text.encode() + enter


def run_in_terminal(context: Context, script: Script, folder: Path, env: dict[str, str]) -> list[str]:
    terminal = Terminal(context.command(script), env, folder, context.timeout)
    forbidden: list[str] = []
    try:
        for number, step in enumerate(script.steps, 1):
            try:
                if step.startswith("> ") or step == ">":
                    terminal.type(keys_of(step[2:]))
                elif step.startswith("! resize "):
                    terminal.resize(*map(int, step.split()[2:]))
                elif step.startswith("-"):
                    forbidden.append(step[1:])
                else:
                    terminal.expect(step, forbidden)
                    forbidden = []
            except Failure as failure:
                tail = terminal.text()[terminal.seen:][-600:]
                return [f"step {number}: {failure}", f"the terminal shows: {tail!r}"]
        try:
            status = terminal.finish()
        except Failure as failure:
            return [f"at the end: {failure}", f"the terminal shows: {terminal.text()[-600:]!r}"]
        wanted = int(script.settings.get("status", "0"))
        return [] if status == wanted else [f"status {status}, expected {wanted}"]
    finally:
        terminal.close()


def run_with_pipes(context: Context, script: Script, folder: Path, env: dict[str, str]) -> list[str]:
    """Batch: output is compared whole, as far as the script says it. Lines "> TEXT" are its standard input."""
    typed = "".join(step[2:] + "\n" for step in script.steps if step.startswith("> "))
    given: dict[str, object] = {"input": typed}
    if script.settings["mode"] == "file":
        (folder / "typed").write_text(typed)
        given = {"stdin": (folder / "typed").open()}
    done = subprocess.run(context.command(script), **given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", env=env, cwd=folder, timeout=context.timeout, check=False)
    output = as_gdb_13(done.stdout)
    position = 0
    for step in script.steps:
        if step.startswith("> "):
            continue
        if step.startswith("-"):
            if step[1:] in output:
                return [f"'{step[1:]}' appeared", repr(output)]
            continue
        if step.startswith("?"):
            step = f"/{step[1:]}"
            if context.gdb is not None and not re.search(step[1:], output[position:]):
                continue
        found = re.search(step[1:], output[position:]) if step.startswith("/") else None
        begin = (found.start() if found else -1) if step.startswith("/") else output[position:].find(step)
        if begin < 0:
            return [f"expected '{step}'", f"the rest of the output: {output[position:]!r}",
                    f"status {done.returncode}"]
        position += begin + (len(found[0]) if found else len(step))
    wanted = int(script.settings.get("status", "0"))
    return [] if done.returncode == wanted else [f"status {done.returncode}, expected {wanted}", repr(output)]


def run_script(context: Context, path: Path) -> Result:
    script = Script.read(path)
    try:
        there = context.program(script).exists()
    except debian.Unavailable as reason:
        return Result(script.name, "skipped", [f"no sources of {script.settings['fetched']}: {reason}"])
    if not there:
        return Result(script.name, "skipped", [f"{context.program(script)} is not installed"])
    folder = Path(tempfile.mkdtemp(prefix="session-"))
    env = context.environment(folder)
    if "term" in script.settings:
        env["TERM"] = script.settings["term"]
    try:
        if script.settings.get("mode", "terminal") == "terminal":
            wrong = run_in_terminal(context, script, folder, env)
        else:
            wrong = run_with_pipes(context, script, folder, env)
    except subprocess.TimeoutExpired:
        wrong = [f"no end within {context.timeout:g} s"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Result(script.name, "failed" if wrong else "passed", wrong)


def check_program(context: Context, what: str) -> Result:
    fred_gdb = context.build / "bin/fred-gdb"
    with tempfile.TemporaryDirectory(prefix="session-") as name:
        env = context.environment(Path(name))
        if what == "history":
            wrong = history.check(fred_gdb, context.build / "examples/list", Path(name), env, context.timeout)
        elif what == "few processes":
            found = few_processes.check(fred_gdb, context.build / "tests/sessions/busy", Path(name), env, context.timeout)
            if found is None:
                return Result(what, "skipped", ["only root can make another user's processes few"])
            wrong = found
        elif what == "resized":
            wrong = resized.check(fred_gdb, context.build / "tests/sessions/ask", Path(name), env, context.timeout)
        else:
            wrong = other_terminal.check(fred_gdb, context.build / "tests/sessions/spin", env, context.timeout)
    return Result(what, "failed" if wrong else "passed", wrong)


def check_page(context: Context, page: Path) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="page-"))
    try:
        wrong = pages.run_page(context.build / "bin/fred-gdb", page, folder, context.environment(folder), context.timeout,
                               context.write_pages)
        wrong += [f"left in TMPDIR: {path.name}" for path in folder.glob("fred-*")]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Result(f"examples/{page.parent.name}", "failed" if wrong else "passed", wrong)


def said(context: Context, *words: str) -> str:
    return subprocess.run([context.build / "bin/fred-gdb", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, timeout=context.timeout, check=False).stdout


def check_commands_page(context: Context) -> Result:
    """docs/COMMANDS.md and the section of the manual page are what the table of commands says."""
    docs = HERE.parent.parent / "docs"
    wrong = []
    if said(context, "--commands-page") != (docs / "COMMANDS.md").read_text():
        wrong.append("write it anew: build/bin/fred-gdb --commands-page >docs/COMMANDS.md")
    if said(context, "--commands-manual") not in (docs / "fred-gdb.1").read_text():
        wrong.append("put what build/bin/fred-gdb --commands-manual prints into docs/fred-gdb.1")
    return Result("docs of commands", "failed" if wrong else "passed", wrong)


def check_help(context: Context) -> Result:
    """`help fred` lists the commands of both pages, with the same summaries in the same order."""
    docs = HERE.parent.parent / "docs"
    listed = [line for line in said(context, "-q", "-nx", "--batch", "-ex", "help fred").splitlines()
              if line.startswith("  ")]
    manual = (docs / "fred-gdb.1").read_text().partition(".SH COMMANDS\n")[2].partition("\n.SH ")[0]
    pages = {"docs/COMMANDS.md": re.findall(r"^### `(.*)`\n\n(.*)$", (docs / "COMMANDS.md").read_text(), re.M),
             "docs/fred-gdb.1": re.findall(r"^\.TP\n\.B (.*)\n(.*)$", manual.replace("\\-", "-"), re.M)}
    wrong = [] if listed else ["it lists nothing"]
    for name, rows in pages.items():
        lines = [f"  {usage:<33} {summary}" for usage, summary in rows]
        if lines != listed:
            wrong.append(f"{name} differs: {sorted(set(lines) ^ set(listed)) or 'the order'}")
    return Result("help fred", "failed" if wrong else "passed", wrong)


# Command lines of which gdb itself and fred-gdb must make the same, to the letter.
SAME_AS_GDB = {
    "values": ["-ex", "p 1+1", "-ex", "p sizeof(struct node)", "-ex", "ptype head"],
    "error last": ["-ex", "p 1", "-ex", "info nothing"],
    "error first": ["-ex", "info nothing", "-ex", "p 1"],
    "session": ["-ex", "break new_node", "-ex", "run", "-ex", "bt", "-ex", "next", "-ex", "finish", "-ex", "kill"],
    "status": ["-ex", "quit 7"],
    "nothing": [],
    "run to the end": ["-ex", "run"],
    "live at the end": ["-ex", "starti"],
    "options": ["-iex", "set $x = 5", "-ex", "p $x", "-cd", "/", "-ex", "pwd"],
}


def check_same_as_gdb(context: Context, name: str) -> Result:
    words = ["-nx", "--batch", *SAME_AS_GDB[name], str(context.build / "tests/sessions/list")]
    outcomes = []
    for program in ("gdb", str(context.build / "bin/fred-gdb")):
        # A recorded program stops before its end.
        native = ["--no-record"] if program != "gdb" and name == "run to the end" else []
        done = subprocess.run([program, *native, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**os.environ, "PATH": harness.path_with(context.gdb)},
                              timeout=context.timeout, check=False)
        outcomes.append([re.sub(rb"process \d+", b"process N", done.stdout), done.stderr, done.returncode])
    wrong = [f"{what}: {ours!r}, gdb's own {gdbs!r}"
             for what, gdbs, ours in zip(("stdout", "stderr", "status"), *outcomes) if gdbs != ours]
    return Result(f"as gdb: {name}", "failed" if wrong else "passed", wrong)


# Of --return-child-result: what is started, and the exit status. With gdb alone it is the same, but for what needs fred.
EXITS_7, IS_KILLED = (["--args", "/bin/sh", "-c", end] for end in ("exit 7", "kill -SEGV $$"))
CHILD_RESULTS = {
    "at the end": (["-ex", "run", *EXITS_7], 7),
    "quit": (["-ex", "run", "-ex", "quit", *EXITS_7], 7),
    "quit with a status": (["-ex", "run", "-ex", "quit 9", *EXITS_7], 9),
    "error": (["-ex", "run", "-ex", "info nothing", *EXITS_7], 1),
    "error before": (["-ex", "info nothing", "-ex", "run", *EXITS_7], 7),
    "signal": (["-ex", "run", "-ex", "continue", *IS_KILLED], 255),
    "not started": (EXITS_7, 255),
    "not ended": (["-ex", "starti", *EXITS_7], 255),
    "not ended again": (["-ex", "run", "-ex", "starti", *EXITS_7], 7),
    "gone on": (["-ex", "run", "-ex", "continue", "-ex", "echo", *EXITS_7], 7),
    "gone back": (["-ex", "run", "-ex", "goto start", *EXITS_7], 7),
    "plain": (["--plain", "-ex", "run", *EXITS_7], 7),
    "not recorded": (["--no-record", "-ex", "run", *EXITS_7], 7),
}


def check_child_result(context: Context, name: str) -> Result:
    words, wanted = CHILD_RESULTS[name]
    programs = [str(context.build / "bin/fred-gdb")]
    if not any(w.startswith(("--plain", "--no-record", "goto")) for w in words):
        programs.append("gdb")
    wrong = []
    for program in programs:
        done = subprocess.run([program, "-nx", "--batch", "--return-child-result", *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=context.timeout, check=False,
                              env={**os.environ, "PATH": harness.path_with(context.gdb)})
        if done.returncode != wanted:
            wrong.append(f"status {done.returncode} of {program}, expected {wanted}: {done.stdout!r}")
    return Result(f"child result: {name}", "failed" if wrong else "passed", wrong)


def all_tests(context: Context) -> dict[str, Callable[[], Result]]:
    tests = {path.stem: partial(run_script, context, path) for path in sorted((HERE / "scripts").glob("*.session"))}
    tests |= {f"as gdb: {name}": partial(check_same_as_gdb, context, name) for name in SAME_AS_GDB}
    tests |= {f"child result: {name}": partial(check_child_result, context, name) for name in CHILD_RESULTS}
    tests |= {f"examples/{page.parent.name}": partial(check_page, context, page)
              for page in sorted(HERE.parent.parent.glob("examples/*/README.md"))}
    tests |= {what: partial(check_program, context, what) for what in ("history", "other terminal", "few processes", "resized")}
    tests["docs of commands"] = partial(check_commands_page, context)
    tests["help fred"] = partial(check_help, context)
    return tests


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--filter", default="", help="only tests whose name contains this")
    parser.add_argument("--timeout", type=float, default=60, help="seconds that one test may take")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--gdb", type=Path, metavar="FOLDER", help="with the gdb that is there")
    parser.add_argument("--write-pages", action="store_true", help="put what happens into the pages of examples/")
    arguments = parser.parse_args()
    context = Context(arguments.build.resolve(), arguments.timeout, arguments.write_pages,
                      gdb=arguments.gdb)
    chosen = [test for name, test in all_tests(context).items() if arguments.filter in name]
    return harness.report(arguments.jobs, chosen, arguments.verbose)


if __name__ == "__main__":
    sys.exit(main())
