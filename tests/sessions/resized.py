"""The terminal's size changes: within a line, while gdb works, while the program has the terminal, while nobody looks."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

from terminal import Failure, Terminal

TOKEN = re.compile(rb"\x1b\[([?0-9;]*)([a-zA-Z@])|[\x00-\x1f]|[^\x00-\x1f]+")
LINE = "print 1" + 25 * "+1"


class Screen:
    """What a terminal of so many columns shows of what it is sent: as much of it as readline uses."""

    def __init__(self, columns: int, sent: bytes) -> None:
        self.columns, self.rows, self.row, self.column = columns, [""], 0, 0
        for token in TOKEN.finditer(sent):
            self.take(token)

    def take(self, token: re.Match[bytes]) -> None:
        text, count = token[0].decode(), int(token[1]) if token[1] and token[1].isdigit() else 1
        match token[2]:
            case b"A":
                self.row = max(self.row - count, 0)
            case b"C":
                self.column = min(self.column + count, self.columns - 1)
            case b"D":
                self.column = max(self.column - count, 0)
            case b"H":
                self.row = self.column = 0
            case b"J":
                self.rows = [""]
            case b"K":
                self.rows[self.row] = self.rows[self.row][:self.column]
            case b"P":
                self.replace("", count)
            case b"@":
                self.replace(count * " ", 0)
            case b"h" | b"l":
                pass  # modes
            case None if text == "\r":
                self.column = 0
            case None if text == "\n":
                self.go_down()
            case None if text == "\b":
                self.column -= 1
            case None if text == "\x07":
                pass
            case None if text.isprintable():
                for letter in text:
                    self.write(letter)
            case _:
                raise Failure(f"an unknown sequence: {token[0]!r}")

    def replace(self, text: str, letters: int) -> None:
        row = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = row[:self.column] + text + row[self.column + letters:]

    def write(self, letter: str) -> None:
        if self.column == self.columns:  # the cursor waits behind the last column for another letter
            self.column = 0
            self.go_down()
        self.replace(letter, 1)
        self.column += 1

    def go_down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")

    def text(self) -> list[str]:
        return [row.rstrip() for row in self.rows]


def edit(terminal: Terminal, columns: int) -> None:
    """The line is drawn anew upon the change. Then readline must know how many rows above its end it begins."""
    terminal.type(LINE.encode())
    terminal.expect(LINE, [])
    terminal.resize(24, columns)
    terminal.expect("(fred) print 1", [])
    since = len(terminal.raw)
    terminal.type(b"\x0c\x01server \x05+2")  # clears the screen; the line's begin and end
    wanted = textwrap.wrap(f"(fred) server {LINE}+2".replace(" ", "_"), columns)
    wanted = [row.replace("_", " ").rstrip() for row in wanted]
    while (shown := Screen(columns, terminal.raw[since:]).text()) != wanted:
        try:
            terminal.read_more()
        except Failure as failure:
            raise Failure(f"{failure}; {columns} columns show {shown}") from None
    terminal.type(b"\r")
    terminal.expect("= 28", [])
    expect_width(terminal, columns)


def expect_width(terminal: Terminal, columns: int) -> None:
    """gdb carries a line out before it looks at the size, if both have come while it slept: so it gets one before."""
    terminal.expect("(fred) ", [])
    terminal.type(b"print 1\r")
    terminal.expect("= 1", [])
    terminal.expect("(fred) ", [])
    terminal.type(b"show width\r")
    terminal.expect(f"in a line is {columns}.", [])
    terminal.expect("(fred) ", [])


def at_the_prompt(terminal: Terminal, _: list[str]) -> None:
    terminal.expect("(fred) ", [])
    for columns in (30, 21, 100, 30):
        edit(terminal, columns)


def while_gdb_works(terminal: Terminal, _: list[str]) -> None:
    terminal.expect("(fred) ", [])
    terminal.type(b"shell echo be''gins; until [ \"$(stty size)\" = '30 90' ]; do :; done; echo fol''lowed\r")
    terminal.expect("begins", [])
    terminal.resize(30, 90)
    terminal.expect("followed", ["(fred)"])
    expect_width(terminal, 90)


def while_the_program_runs(terminal: Terminal, _: list[str]) -> None:
    terminal.expect("(fred) ", [])
    terminal.type(b"run\r")
    terminal.expect("name? ", [])
    terminal.resize(31, 61)
    terminal.type(b"World\r")
    terminal.expect("hello World", ["(fred)"])
    terminal.type(b"\x03")
    expect_width(terminal, 61)


def while_stopped(terminal: Terminal, command: list[str]) -> None:
    terminal.expect("$ ", [])
    terminal.type(f"{shlex.join(command)}\r".encode())
    terminal.expect("(fred) ", [])
    terminal.type(b"\x1a")
    terminal.expect("Stopped", [])
    terminal.expect("$ ", [])  # before that the shell's readline sets the size that it has just asked for
    terminal.resize(32, 62)
    terminal.type(b"fg\r")
    expect_width(terminal, 62)
    terminal.type(b"quit\r")
    terminal.expect("$ ", [])


def check(fred_gdb: Path, program: Path, folder: Path, env: dict[str, str], timeout: float) -> list[str]:
    """`program` asks for a name and greets it."""
    command = [str(fred_gdb), "-q", "-nx", str(program)]
    shell = ["/bin/bash", "--norc", "--noprofile", "-i"]
    wrong = []
    for step in (at_the_prompt, while_gdb_works, while_the_program_runs, while_stopped):
        terminal = Terminal(shell if step is while_stopped else command, {**env, "PS1": "$ "}, folder, timeout)
        try:
            step(terminal, command)
        except Failure as failure:
            wrong.append(f"{step.__name__}: {failure}; the terminal got {terminal.raw[-400:]!r}")
        finally:
            terminal.close()
    return wrong
