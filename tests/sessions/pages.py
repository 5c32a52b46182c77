"""The pages of examples/: each is a script, and its transcript is what must happen.

In the indented lines of a page, `$ COMMAND` is a command line of the shell, executed in a copy of the example's folder;
`$ fred-gdb …` starts a session in a terminal, and `(fred) COMMAND`, with or without a percentage, is typed there. What
follows up to the next of these is its whole output. A line `...` stands for any lines. Not compared is what differs from
run to run: addresses, Times, percentages, process numbers, how many probes, changes and seconds,
`Starting program`, empty lines.

`run_sessions.py --write-pages` puts the output that there is where another one is expected: so a page is written by its
commands, and the change is to be read.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from terminal import Failure, Terminal

INDENT = "    "
# What a search shows while it works, and takes away.
PROGRESS = re.compile(rb"\r[^\r\n]*\(Ctrl-C ends the search\)\x1b\[K")
PROMPT = re.compile(r"\(fred(?: \d+%)?\) ")
VARYING = [
    (re.compile(r"\b\d+:0x[0-9a-f]+"), "TIME"),
    (re.compile(r"\b0x[0-9a-f]{3,}"), "ADDRESS"),
    (re.compile(r"(\d+ probes?, )?\d+\.\d+ s(, \d+ changes? in all)?"), "PROBES"),
    (re.compile(r"process \d+"), "PROCESS"),
    (re.compile(r"\d+\.\d% of history"), "PART"),
    (re.compile(r"\((\d+) ticks\)"), "TICKS"),
]


class Block:
    """One command of a page, the lines of output that follow it, and where they are."""

    def __init__(self, shell: bool, text: str, line: int) -> None:
        self.shell, self.text, self.line = shell, text, line
        self.output: list[str] = []
        self.numbers: list[int] = []


def blocks_of(lines: list[str]) -> list[Block]:
    found: list[Block] = []
    for number, line in enumerate(lines):
        if not line.startswith(INDENT):
            continue
        line = line[len(INDENT):]
        prompt = PROMPT.match(line)
        if prompt or line.startswith("$ "):
            found.append(Block(not prompt, line[prompt.end() if prompt else 2:], number))
        elif found:
            found[-1].output.append(line)
            found[-1].numbers.append(number)
    return found


def shown(text: str) -> list[str]:
    """The lines of output without those that a page leaves away."""
    lines = [line.rstrip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(("Starting program: ", "[Thread debugging using",
                                                                    "Using host libthread_db"))]


def steady(line: str) -> str:
    for pattern, word in VARYING:
        line = pattern.sub(word, line)
    return line.strip()


def same(expected: list[str], got: list[str]) -> bool:
    """`...` stands for any number of lines."""
    pattern = "".join("(?:.*\n)*?" if line.strip() == "..." else re.escape(steady(line)) + "\n"
                      for line in expected if line.strip())
    return re.fullmatch(pattern, "".join(steady(line) + "\n" for line in got)) is not None


class Screen(Terminal):
    """What is there to read when all is done."""

    def text(self) -> str:
        self.raw = PROGRESS.sub(b"", self.raw)
        return super().text()


class Hunt:
    """The shell and the session of one page."""

    def __init__(self, fred_gdb: Path, folder: Path, env: dict[str, str], timeout: float) -> None:
        self.fred_gdb, self.folder, self.env, self.timeout = fred_gdb, folder, env, timeout
        self.session: Screen | None = None

    def run(self, block: Block) -> list[str]:
        if not block.shell:
            if self.session is None:
                raise Failure("there is no session")
            self.session.type(block.text.encode() + b"\r")
            return self._until_prompt().split("\n", 1)[-1].splitlines()
        if not block.text.startswith("fred-gdb "):
            done = subprocess.run(["bash", "-c", block.text + "\n:"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", cwd=self.folder, env=self.env,
                                  timeout=self.timeout, check=False)
            return [re.sub(r"^bash: line \d+: +\d+ (\w[\w ]*\w) +.*", r"\1", line) for line in done.stdout.splitlines()]
        self.close()
        # The C library's debug information is there on one machine and not on another.
        words = [str(self.fred_gdb), "-q", "-nx", "-iex", "set debug-file-directory /none", *block.text.split()[1:]]
        self.session = Screen(words, self.env, self.folder, self.timeout)
        self.session.resize(24, 116)
        self._until_prompt()  # where the symbols are read from
        return []

    def _until_prompt(self) -> str:
        """What appeared before the next prompt."""
        assert self.session is not None
        while True:
            text = self.session.text()[self.session.seen:]
            prompt = re.search(PROMPT.pattern + r"\Z", text)
            if prompt:
                self.session.seen += prompt.end()
                return text[:prompt.start()]
            try:
                self.session.read_more()
            except Failure as failure:
                raise Failure(f"{failure}; the terminal shows {text[-300:]!r}") from None

    def close(self) -> None:
        """Leaves the session as a user does."""
        if self.session is not None and not self.session.ended:
            self.session.type(b"quit\ry\r")
            self.session.finish()
        self.end()

    def end(self) -> None:
        if self.session is not None:
            self.session.close()
            self.session = None


def run_page(fred_gdb: Path, page: Path, folder: Path, env: dict[str, str], timeout: float, write: bool) -> list[str]:
    lines = page.read_text().splitlines()
    for path in page.parent.iterdir():
        shutil.copy(path, folder)
    wrong: list[str] = []
    changed: dict[int, list[str]] = {}  # new output, by the line that its command is in
    gone: set[int] = set()
    hunt = Hunt(fred_gdb, folder, env, timeout)
    try:
        for block in blocks_of(lines):
            try:
                got = shown("\n".join(hunt.run(block)))
            except Failure as failure:
                wrong.append(f"line {block.line + 1}, '{block.text}': {failure}")
                break
            if same(block.output, got):
                continue
            wrong += [f"line {block.line + 1}, '{block.text}', shows:", *(f"  {line}" for line in got)]
            changed[block.line] = got
            gone.update(block.numbers)
        else:
            hunt.close()
    except Failure as failure:
        wrong.append(f"at the end: {failure}")
    finally:
        hunt.end()
    if write and changed:
        def new_lines() -> Iterator[str]:
            for number, line in enumerate(lines):
                if number not in gone:
                    yield line
                yield from (INDENT + output for output in changed.get(number, []))
        page.write_text("\n".join(new_lines()) + "\n")
    return wrong
