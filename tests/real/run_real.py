#!/usr/bin/env python3
"""Runs real programs natively and under `fred record --verify`; output, status and files must be equal.

A row of CASES is one command, run in a folder of generated inputs. --quick runs the small rows only.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import harness  # noqa: E402
import inputs  # noqa: E402
import runtimes  # noqa: E402
import scripts  # noqa: E402
from harness import Result  # noqa: E402

Prepare = Callable[[Path], None]


@dataclasses.dataclass
class Case:
    """`command[0]` is looked up in PATH; `stdin` names an input file; `needs` are tools for the preparation;
    `fred_lines` are begins of lines that fred must print."""

    name: str
    command: list[str]
    prepare: Prepare
    quick: bool = False
    stdin: str | None = None
    needs: tuple[str, ...] = ()
    status: int = 0
    fred_lines: tuple[str, ...] = ()


def file(name: str, content: Callable[[], str]) -> Prepare:
    return lambda folder: (folder / name).write_text(content(), "utf-8") and None


def build(folder: Path, *command: str) -> None:
    harness.run_tool(command, folder)


def both(*steps: Prepare) -> Prepare:
    def prepare(folder: Path) -> None:
        for step in steps:
            step(folder)
    return prepare


def text(kilobytes: int) -> Prepare:
    return file("text", partial(inputs.text, kilobytes))


def packed(*command: str, kilobytes: int) -> Prepare:
    return both(text(kilobytes), lambda folder: build(folder, *command, "text"))


def tree(files: int) -> Prepare:
    return lambda folder: inputs.tree(folder / "tree", files)


def archived(files: int) -> Prepare:
    return both(tree(files), lambda folder: build(folder, "tar", "cf", "archive.tar", "--sort=name", "tree"))


def compiled(functions: int, *commands: str) -> Prepare:
    return both(file("unit.cpp", partial(inputs.cpp_source, functions)),
                *(lambda folder, line=line: build(folder, *line.split()) for line in commands))


def repository(files: int) -> Prepare:
    def commit(folder: Path) -> None:
        git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", "-C", "tree"]
        build(folder, *git, "init", "-q")
        build(folder, *git, "add", "-A")
        build(folder, *git, "commit", "-qm", "first", "--date=2001-01-01T00:00:00Z")
        build(folder, *git, "gc", "-q")
    return both(tree(files), commit)


def compiler_proper(name: str) -> str:
    """The path of cc1plus and the like, which are not in PATH."""
    try:
        return subprocess.run(["g++", f"-print-prog-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return name


PREPROCESS = "g++ -E -std=c++20 -o unit.ii unit.cpp"
OBJECT = "g++ -std=c++20 -O1 -g -frandom-seed=0 -ffile-prefix-map=.=. -c -o unit.o unit.cpp"
ASSEMBLY = "g++ -std=c++20 -O1 -frandom-seed=0 -S -o unit.s unit.cpp"
SHARED = "g++ -shared -fPIC -std=c++20 -O1 -g -o unit.so unit.cpp"


def cases() -> list[Case]:
    compile_flags = ["-quiet", "-std=c++20", "-frandom-seed=0", "unit.ii", "-o", "unit.s"]
    key = ["-K", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "-iv", "0" * 32]
    rows: list[Case] = []
    for quick, size in ((True, 200), (False, 8000)):
        mark = "" if quick else "_large"
        add = lambda name, command, prepare, mark=mark, quick=quick, **more: rows.append(  # noqa: E731
            Case(name + mark, command, prepare, quick, **more))
        add("bzip2", ["bzip2", "-k9", "text"], text(size))
        add("bunzip2", ["bzip2", "-dkf", "text.bz2"], packed("bzip2", "-k", kilobytes=size))
        add("xz", ["xz", "-T1", "-k", "-4", "text"], text(size))
        add("unxz", ["xz", "-T1", "-dc", "text.xz"], packed("xz", "-T1", "-k", kilobytes=size))
        add("gzip", ["gzip", "-9n", "text"], text(size))
        add("gunzip", ["gzip", "-dc", "text.gz"], packed("gzip", "-kn", kilobytes=size))
        add("sqlite3", ["sqlite3", "data.db"], file("sql", partial(inputs.sql, size * 10)), stdin="sql")
        add("perl", ["perl", "script"], both(text(size), file("script", lambda: scripts.PERL)))
        add("python3", ["/usr/bin/python3", "-I", "-B", "script"], both(text(size), file("script", lambda: scripts.PYTHON)), status=3)
        add("python3_threads", ["/usr/bin/python3", "-I", "-B", "script"],
            both(text(size), file("script", lambda: scripts.PYTHON_THREADS)), status=6)
        add("xz_threads", ["xz", "-T2", "--block-size=65536", "-k", "-4", "text"], text(size))
        add("sort_threads", ["sort", "--parallel=4", "-k2,2", "-k1,1n", "text", "text", "text", "text"], text(size))
        add("zstd_threads", ["zstd", "-T2", "-q", "-k", "text"], text(size))
        add("pbzip2", ["pbzip2", "-p2", "-b1", "-k", "-c", "text"], text(size))
        add("pigz", ["pigz", "-p2", "-n", "-b64", "-c", "text"], text(size))
        add("gawk", ["gawk", "-f", "script", "text"], both(text(size), file("script", lambda: scripts.GAWK)))
        add("sed", ["sed", "-E", r"s/([a-z]+) ([a-z]+)/\2 \1/g; /ka/{s/ka/KA/2;p}; 1~7d; $!N; P; D", "text"], text(size))
        add("sort", ["sort", "--parallel=1", "-k2,2", "-k1,1n", "text"], text(size))
        add("sort_merge", ["sort", "--parallel=1", "-S", "64k", "-T", ".", "-u", "text"], text(size))
        add("grep", ["grep", "-nE", "(ka|lo)(mi|ren).*[0-9]|nel(or)*ix$", "text"], text(size))
        add("grep_perl", ["grep", "-cP", r"\b(\w+)\b.*\b\1\b", "text"], text(size))
        add("find", ["find", "tree", "-name", "*.txt", "-size", "+1", "-printf", "%p %s %m %Ts\\n"], tree(size // 2))
        add("find_exec", ["find", "tree", "-name", "*1.dat", "-exec", "wc", "-c", "{}", "+"], tree(size // 4))
        add("tar_create", ["tar", "cf", "out.tar", "--sort=name", "--owner=0", "--group=0", "--mtime=@1000000000", "tree"],
            tree(size // 2))
        add("tar_extract", ["tar", "xf", "archive.tar", "--one-top-level=out"], archived(size // 2))
        add("lua", ["lua5.4", "script"], both(text(size), file("script", lambda: scripts.LUA)), status=5)
        add("openssl_dgst", ["openssl", "dgst", "-sha512", "text"], text(size))
        add("openssl_enc", ["openssl", "enc", "-aes-256-cbc", *key, "-in", "text", "-out", "secret"], text(size))
        add("bash_builtins", ["bash", "script"], both(text(size // 8), file("script", lambda: scripts.BASH_BUILTINS)), status=7)
        add("bash_commands", ["bash", "script"], both(text(size // 4), file("script", lambda: scripts.BASH_COMMANDS)))
        add("python3_processes", ["/usr/bin/python3", "-I", "-B", "script"], file("script", lambda: scripts.PYTHON_PROCESSES),
            status=5)
        add("pipeline", ["sh", "-c", "sort text | tr a-m n-z | grep -v '^[0-3]' | awk '{ s += $1 } END { print s, NR }' | "
                         "tee sum; gzip -c text | gzip -dc | cmp - text && seq 2000 | xargs -n 200 echo | wc -w"], text(size))
        # A loose object's name says when the commit was made: the clone that is compared is the checked out files.
        add("git_clone", ["sh", "-c", "git clone -q --no-local tree clone && git -C clone fsck && git -C clone log --format=%s && "
                          "rm -rf clone/.git"], repository(size // 4), needs=("git",))
        add("make", ["make", "-C", "project", "-s", "-j2"], lambda folder, size=size: inputs.project(folder / "project", size // 50),
            needs=("gcc",))
        add("gcc", ["gcc", "-O1", "-c", "main.c"], file("main.c", lambda: "int main(void) { return 3; }\n"),
            needs=("gcc",))
        functions = 2 if quick else 30
        level = "-O0" if quick else "-O2"
        add("cc1plus", [compiler_proper("cc1plus"), level, *compile_flags], compiled(functions, PREPROCESS), needs=("g++",))
        add("as", [compiler_proper("as"), "--64", "-o", "unit.o", "unit.s"], compiled(functions, ASSEMBLY), needs=("g++",))
        add("ld", [compiler_proper("ld"), "-shared", "-o", "out.so", "--build-id=sha1", "unit.o"],
            compiled(functions, OBJECT.replace("-c ", "-fPIC -c ")), needs=("g++",))
        add("objdump", ["objdump", "-dC", "unit.o"], compiled(functions, OBJECT), needs=("g++",))
        add("gdb", ["gdb", "-nx", "--batch", "-iex", "maint set worker-threads 0", "-ex", "info line work0", "-ex",
                    "info scope work1", "-ex", "disassemble /s work1", "unit.so"], compiled(functions, SHARED), needs=("g++",))
    # Runtimes with threads of their own; what they print does not depend on the schedule.
    add = lambda name, command, prepare, **more: rows.append(Case(name, command, prepare, **more))  # noqa: E731
    add("java", ["java", "-cp", ".", "Main"], both(file("Main.java", lambda: runtimes.JAVA),
                                                   lambda folder: build(folder, "javac", "Main.java")), needs=("javac",))
    add("javac", ["javac", "Main.java"], file("Main.java", lambda: runtimes.JAVA))
    add("node", ["node", "main.js"], both(text(200), file("main.js", lambda: runtimes.NODE)))
    add("go", ["sh", "-c", "exec ./main"], both(file("main.go", lambda: runtimes.GO), lambda folder: build(
        folder, "sh", "-c", "HOME=$PWD GOCACHE=$PWD/cache go build -o main main.go && rm -rf cache")), needs=("go",))
    add("rust", ["sh", "-c", "exec ./main"], both(file("main.rs", lambda: runtimes.RUST),
                                                  lambda folder: build(folder, "rustc", "-O", "main.rs")), needs=("rustc",))
    add("convert", ["convert", "-size", "300x200", "gradient:red-blue", "-rotate", "30", "-blur", "0x3", "-quality", "80",
                    "out.jpg"], lambda folder: None)
    add("ffmpeg", ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc=duration=1:size=320x240:rate=10", "-c:v",
                   "mpeg4", "-threads", "2", "-fflags", "+bitexact", "-flags", "+bitexact", "out.avi"], lambda folder: None)
    rows.append(Case("true", ["/bin/true"], lambda folder: None, True))
    rows.append(Case("cat", ["cat", "-n", "-", "text"], text(50), True, stdin="text"))
    rows.append(Case("ls", ["ls", "-lR", "--time-style=+%s", "tree"], tree(50), True))
    rows.append(Case("csv_join", ["join", "-t,", "one", "two"], both(
        file("one", lambda: "".join(sorted(inputs.records(500).splitlines(True)))),
        file("two", lambda: "".join(sorted(inputs.records(400).splitlines(True))))), True))
    return rows


def check(case: Case, options: argparse.Namespace) -> Result:
    missing = [] if shutil.which(case.command[0], path=harness.path_with(None)) else [case.command[0]]
    missing += [tool for tool in case.needs if not shutil.which(tool)]
    if missing:
        return Result(case.name, "skipped", [f"not installed: {' '.join(missing)}"])
    with tempfile.TemporaryDirectory(prefix="real-") as template:
        case.prepare(Path(template))
        fill = partial(shutil.copytree, template, symlinks=True, dirs_exist_ok=True)
        stdin = (Path(template) / case.stdin).read_bytes() if case.stdin else None
        def run(command: list[str]) -> harness.Outcome:
            return harness.execute(command, stdin=stdin, timeout=options.timeout, prepare=lambda work: fill(work) and None,
                                   env={"PERL_HASH_SEED": "0", "PYTHONHASHSEED": "0", "TZ": "UTC"})
        native = run(case.command)
        if native.status != case.status:
            native.problems.append(f"status {native.status}, expected {case.status}")
        if native.problems:
            return Result(case.name, "failed", [f"natively: {line}" for line in native.problems])
        if options.native_only:
            again = run(case.command)
            return finish(case, harness.compare(native, again, "run"))
        outcome = run(harness.fred_command(options.fred, "verify", harness.parse_words(options.engine_options), case.command))
        return finish(case, harness.compare(native, outcome, "verify", fred_lines=case.fred_lines))


def finish(case: Case, problems: list[str]) -> Result:
    return Result(case.name, "failed" if problems else "passed", problems)


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs real programs natively and recorded with --verify, and compares.")
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build", help="build folder")
    parser.add_argument("--fred", type=Path, help="the fred program (default: BUILD/bin/fred)")
    parser.add_argument("--quick", action="store_true", help="only the small inputs")
    parser.add_argument("--filter", action="append", default=[], metavar="SUBSTR", help="only names that contain it")
    parser.add_argument("--engine-options", metavar="OPTIONS", help="passed to fred record")
    parser.add_argument("--timeout", type=float, default=0, metavar="SECONDS", help="limit of one run (60 quick, else 900)")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("--native-only", action="store_true", help="only natively, twice: checks the table itself")
    parser.add_argument("--list", action="store_true", help="names only")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what passed as well")
    options = parser.parse_args()
    options.timeout = options.timeout or (60 if options.quick else 900)
    options.fred = (options.fred or options.build / "bin" / "fred").resolve()
    chosen = [c for c in cases() if (c.quick or not options.quick)
              and (not options.filter or any(f in c.name for f in options.filter))]
    if options.list:
        print("\n".join(case.name for case in chosen))
        return 0
    if not options.native_only and not options.fred.exists():
        print(f"no {options.fred}: build it first (./dev build)", file=sys.stderr)
        return 2
    harness.become_subreaper()
    return harness.report(options.jobs, [partial(check, case, options) for case in chosen], options.verbose)


if __name__ == "__main__":
    sys.exit(main())
