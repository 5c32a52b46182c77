"""Software watchpoints of registers: the part of answers.py about what gdb can have only by stepping, and fred's target
finds while the program runs on."""
import re

import gdb


class _FredRegisters:
    # The general registers by their names in gdb, as they are numbered in machine code. gdb has `sp` and `fp` for two of
    # them, whole.
    whole = {"rax": 0, "rcx": 1, "rdx": 2, "rbx": 3, "rsp": 4, "rbp": 5, "rsi": 6, "rdi": 7, "sp": 4, "fp": 5,
             **{"r%d" % n: n for n in range(8, 16)}}
    parts = {**{prefix + name: n for n, name in enumerate(("ax", "cx", "dx", "bx", "sp", "bp", "si", "di"))
                for prefix in ("e", "") if prefix + name != "sp"},
             **{name: n % 4 for n, name in enumerate(("al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"))},
             "spl": 4, "bpl": 5, "sil": 6, "dil": 7,
             **{"r%d%s" % (n, part): n for n in range(8, 16) for part in "dwl"}}

    token = re.compile(r"\s*(?:(?P<number>0x[0-9a-f]+|\d+)[uUlL]*\b|\$(?P<register>[a-z]\w*)|"
                       r"(?P<type>(?:unsigned|signed|char|short|int|long)\b)|"
                       r"(?P<operator><<|>>|&&|\|\||[=!<>]=|[-+*/%&|^~!<>?:()]))")

    @classmethod
    def registers_of(cls, expression):
        """Those that the expression is about, if it is about nothing else; nothing if it might be. Casts to the basic
        types are known, and what only a symbol or memory can tell is not."""
        found, at, before = set(), 0, "("
        expression = expression.strip()
        while at < len(expression):
            match = cls.token.match(expression, at)
            if match is None:
                return set()
            at, kind, text = match.end(), match.lastgroup, match[match.lastgroup]
            if kind == "register":
                number = cls.whole.get(text, cls.parts.get(text))
                if number is None:
                    return set()
                found.add(number)
            elif kind == "operator" and text in "*&" and before != "value" and not (text == "*" and before == "type"):
                return set()  # of memory, and of an address
            if kind != "operator":
                before = "type" if kind == "type" else "value"
            elif text == ")":
                before = "(" if before == "type" else "value"  # behind a cast comes an operand
            elif not (text == "*" and before == "type"):
                before = text
        return found

    @classmethod
    def watched_register(cls, b):
        """Its number, if the software watchpoint is about one whole register."""
        name = b.expression.strip()
        return cls.whole.get(name[1:]) if name.startswith("$") else None

    # --- the program runs freely: a step of gdb's goes on until one of the registers changes ---------------------

    runs_freely = False

    @classmethod
    def begin_run(cls, finishes):
        """The program is about to go on, not by lines or instructions: for which changes gdb is going to step."""
        found = set()
        for b in gdb.breakpoints():
            if b.type != gdb.BP_WATCHPOINT or not b.enabled:
                continue
            registers = cls.registers_of(b.expression)
            if not registers:
                found = set()
                break
            found |= registers
        if found and finishes and gdb.selected_frame().type() == gdb.INLINE_FRAME:
            found = set()  # gdb goes by lines there
        cls.runs_freely = bool(found)
        cls.say({"registers": sorted(found)})

    @classmethod
    def end_run(cls, _=None):
        """gdb has stopped: whatever is to be executed now, it is not that run."""
        if cls.runs_freely:
            cls.runs_freely = False
            gdb.selected_inferior().connection.send_packet(b"qRcmd," + b"end-free-run".hex().encode())

    has_prompt = False  # fred's, which alone says when the program is about to go on

    @classmethod
    def watch_set(cls, b):
        if b.type == gdb.BP_WATCHPOINT and b.visible and not (cls.has_prompt and cls.registers_of(b.expression)):
            gdb.write("[fred: gdb checks this watchpoint by itself, behind each instruction: that is slow]\n")
