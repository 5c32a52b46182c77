"""What `skip` has marked: the part of answers.py about the functions that steps do not enter."""
import fnmatch
import os
import re

import gdb


class _FredSkips:
    skip_row = re.compile(r"^\d+ +(y|n) +(y|n) +(.*?) +(y|n) +(.*?) *$", re.MULTILINE)
    skips_shown, skips = None, []  # as gdb lists them, and taken apart: glob, file, regular expression, function

    @classmethod
    def read_skips(cls):
        """True: they are others than before. gdb's Python does not know them."""
        shown = cls.console("info skip")
        if shown == cls.skips_shown:
            return False
        cls.skips_shown = shown
        cls.skips = [row[1:] for row in cls.skip_row.findall(shown) if row[0] == "y"]
        return True

    @classmethod
    def is_skipped(cls, name, symtab):
        """As gdb finds out where `step` would enter the function, whose lines there are of `symtab`."""
        if symtab is None:
            return False
        return any(cls.skips_file(glob == "y", file, symtab) and cls.skips_function(expression == "y", wanted, name)
                   for glob, file, expression, wanted in cls.skips)

    @classmethod
    def skipped_calls(cls, inlined, symtab):
        """Of the blocks of inlined functions, the innermost first, that lie around code with lines of `symtab`."""
        skipped = []
        for block in inlined:
            if cls.is_skipped(block.function.print_name, symtab):
                skipped.append(block)
            symtab = block.function.symtab  # where it is called
        return skipped

    @staticmethod
    def skips_file(glob, wanted, symtab):
        if wanted == "<none>":
            return True
        names = symtab.filename, symtab.fullname()
        if glob:
            return any(fnmatch.fnmatchcase(n, wanted) for n in (*names, os.path.basename(symtab.filename)))
        return any(n == wanted or n.endswith("/" + wanted) for n in names)

    @staticmethod
    def skips_function(expression, wanted, name):
        if wanted == "<none>":
            return True
        if expression:
            return re.search(wanted, name) is not None
        name, wanted = name.replace(" ", ""), wanted.replace(" ", "")
        return name == wanted or name.startswith(wanted + "(")
