"""What fred asks about values: the part of answers.py that searches use."""
import re

import gdb


class _FredHidden(Exception):
    """There is a value, but it cannot be seen here."""


class _FredValues:
    # --- names --------------------------------------------------------------------------------------------------

    word = re.compile(r"""  "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | (?<![\w$])\.?\d[\w.]* | [A-Za-z_$][\w$]*""", re.VERBOSE)

    @classmethod
    def names(cls, expression):
        """The words of an expression that may be names of variables, as matches."""
        for word in cls.word.finditer(expression):
            before, after = expression[:word.start()].rstrip(), expression[word.end():].lstrip()
            if not (word[0][0].isalpha() or word[0][0] == "_") or after.startswith("::"):
                continue
            if not before.endswith((".", "->", "::")) and not re.search(r"\b(struct|union|enum|class)$", before):
                yield word

    @staticmethod
    def declaration(symbol):
        return symbol and (symbol.symtab.filename, symbol.line)

    @classmethod
    def variable(cls, name, block):
        """Its symbol; that of `this` for a member of it."""
        symbol, is_member = gdb.lookup_symbol(name, block)
        return gdb.lookup_symbol("this", block)[0] if is_member else symbol

    @classmethod
    def is_static(cls, symbol):
        """It is the same variable everywhere, but its name means it only in its function or file."""
        if not symbol.is_variable or symbol.addr_class != gdb.SYMBOL_LOC_STATIC:
            return False
        return cls.declaration(gdb.lookup_global_symbol(symbol.name)) != cls.declaration(symbol)

    # --- values of a search -------------------------------------------------------------------------------------

    scoped = {}  # the expression of the search

    @classmethod
    def scope(cls, expression):
        """What its names mean here is what they mean wherever `value` is asked: static variables by their addresses,
        locals in this invocation of the selected frame. "cfa": 0 without locals. An invocation begins where `entry` is
        executed with rsp just below its CFA, and ends where `back` is with rsp at it; the "outermost" frame is there from
        the start of the program on."""
        frame = gdb.selected_frame()
        try:
            block = frame.block()
        except RuntimeError:
            block = None
        locals_of_frame, text, end = {}, "", 0
        for word in cls.names(expression) if block is not None else ():
            symbol = cls.variable(word[0], block)
            if symbol is None:
                continue
            if symbol.needs_frame:
                locals_of_frame[word[0]] = cls.declaration(symbol)
            elif cls.is_static(symbol):
                name = "_fred_%d" % word.start()
                gdb.set_convenience_variable(name, symbol.value().address)
                text += expression[end:word.start()] + "(*$%s)" % name
                end = word.end()
        cls.scoped = {"text": text + expression[end:], "names": locals_of_frame}
        if not locals_of_frame:
            cls.say({"cfa": 0})
            return
        innermost = frame.level() == 0
        function, cfa = cls.invocation(frame)
        while frame.type() == gdb.INLINE_FRAME:
            frame = frame.older()
        entry = cls.entry(block)
        body = cls.function(entry).get("body", entry)
        cls.scoped.update({"function": function, "cfa": cfa, "entry": entry, "body": body})
        # Calls leave rsp where it is while this frame executes, but for a while at its beginning and end.
        low, caller = cls.address(frame.read_register("rsp")), frame.older()
        cls.say({"cfa": cfa, "entry": entry, "body": body, "outermost": caller is None, "thread": gdb.selected_thread().ptid[1],
                 "back": 0 if caller is None else caller.pc(),
                 "sp": 0 if innermost else low, "low": low - 128})  # the red zone

    @classmethod
    def entry(cls, block):
        """Of the function that was called, not of one that is inlined in it; 0 outside of functions."""
        entry = 0
        while block is not None and not block.is_global and not block.is_static:
            if block.function is not None:
                entry = cls.address(block.function.value().address)
            block = block.superblock
        return entry

    @classmethod
    def means_the_same(cls, block):
        return all(cls.declaration(cls.variable(name, block)) == declared
                   for name, declared in cls.scoped["names"].items())

    @classmethod
    def places(cls):
        """Where statements begin in the scope of the expression's locals."""
        entry = cls.scoped["entry"]
        function = gdb.block_for_pc(entry)
        while function.function is None:
            function = function.superblock
        rows = {row.pc for row in function.function.symtab.linetable()}
        blocks = ((pc, gdb.block_for_pc(pc)) for pc in sorted(rows))
        cls.say({"addresses": [pc for pc, block in blocks if block is not None and cls.entry(block) == entry
                               and cls.means_the_same(block)]})

    @classmethod
    def select_scope(cls):
        """The frame of the locals, found again where the target stands now."""
        frame, function, cfa = gdb.newest_frame(), cls.scoped["function"], cls.scoped["cfa"]
        while frame is not None:
            now = cls.invocation(frame)
            if now == (function, cfa):
                frame.select()
                break
            frame = frame.older() if now[1] <= cfa else None
        else:
            raise _FredHidden("the frame is not seen here")
        if frame.level() == 0 and cls.scoped["entry"] <= frame.pc() < cls.scoped["body"]:
            raise _FredHidden("the function's locals are not there yet: this is its prologue")
        try:
            block = frame.block()
        except RuntimeError:
            block = None
        if block is None or not cls.means_the_same(block):
            raise _FredHidden("a name is not in its scope here")

    @classmethod
    def identify(cls, value):
        if value.is_optimized_out:
            raise _FredHidden("value has been optimized out")
        shown = value.format_string()
        kind = value.type.strip_typedefs().code
        if kind in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_ENUM):
            return {"identity": str(int(value)), "shown": shown}
        return {"identity": value.format_string(raw=True, max_elements=0, repeat_threshold=0), "shown": shown}

    @classmethod
    def value(cls):
        """The value of what `scope` was told, where the target stands now. "hidden": there is one, as far as one can
        tell, but not for gdb."""
        cls.forget()
        try:
            if cls.scoped["names"]:
                cls.select_scope()
            else:
                gdb.newest_frame().select()
            cls.say(cls.identify(gdb.parse_and_eval(cls.scoped["text"])))
        except _FredHidden as hidden:
            cls.say({"error": str(hidden), "hidden": True})
        except (gdb.error, RuntimeError, ValueError) as error:
            cls.say({"error": str(error), "hidden": "optimized out" in str(error)})
        except KeyboardInterrupt:
            cls.interrupted = True
            cls.say({"error": "interrupted"})

    # --- other values -------------------------------------------------------------------------------------------

    @classmethod
    def evaluate(cls, expression):
        """In the selected frame, as gdb prints it."""
        try:
            cls.say({"value": gdb.parse_and_eval(expression).format_string()})
        except (gdb.error, RuntimeError, ValueError) as error:
            cls.say({"error": str(error)})

    @classmethod
    def memory(cls, expression):
        """Where the expression's value lies now; `stored` gives what lies there at any Time."""
        cls.forget_but_frame()
        try:
            value = gdb.parse_and_eval(expression)
        except gdb.error as error:
            cls.say({"error": str(error)})
            return
        if value.address is None or value.is_optimized_out or value.type.sizeof == 0:
            cls.say({})
            return
        cls.place = int(value.address), value.type
        cls.say({"address": int(value.address), "size": value.type.sizeof})

    @classmethod
    def stored(cls):
        cls.forget()
        address, kind = cls.place
        try:
            shown = gdb.Value(address).cast(kind.pointer()).dereference().format_string()
            cls.say({"identity": shown, "shown": shown})
        except gdb.error as error:
            cls.say({"error": str(error)})
