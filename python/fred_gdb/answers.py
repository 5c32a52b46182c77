"""What fred asks about the program, answered by gdb in one line of JSON each. Needs the files of its base classes
before it.

Loaded into gdb by fred-gdb, or by the line that `fred serve` prints. Everything is for the position where the target is
at that moment.
"""
import json
import os
import re
import signal

import gdb


class _Fred(_FredValues, _FredConditions, _FredSkips, _FredRegisters):
    generation = 0  # of symbols
    interrupted = False  # by Ctrl-C, while a value was computed
    undescribed = []  # functions without debug information: begin and end

    @staticmethod
    def say(answer):
        gdb.write("\n" + json.dumps(answer) + "\n")

    @staticmethod
    def console(command):
        """What gdb's command line says to the command. Under MI gdb 18's to_string has the records of MI instead."""
        if not gdb.execute("echo x", to_string=True).endswith("x"):
            command = 'interpreter-exec console "%s"' % command.replace("\\", "\\\\").replace('"', '\\"')
        return gdb.execute(command, to_string=True)

    @staticmethod
    def forget():
        """The target has been moved behind gdb's back."""
        gdb.execute("maintenance flush register-cache", to_string=True)
        gdb.execute("maintenance flush dcache", to_string=True)

    @classmethod
    def forget_but_frame(cls):
        """As forget(), which also selects the newest frame."""
        level = gdb.selected_frame().level()
        cls.forget()
        frame = gdb.newest_frame()
        while frame.level() < level and frame.older() is not None:
            frame = frame.older()
        frame.select()

    # --- code ---------------------------------------------------------------------------------------------------

    @classmethod
    def line(cls, pc):
        entry = gdb.find_pc_line(pc)
        if entry.symtab is None or entry.line == 0 or entry.last is None:
            return None
        begin, end = entry.pc, entry.last + 1
        name = entry.symtab.fullname()

        def same(other):
            return (other.symtab is not None and other.line == entry.line and other.last is not None
                    and other.symtab.fullname() == name)

        while True:  # neighbouring entries of the same line are one range
            other = gdb.find_pc_line(begin - 1)
            if not same(other) or other.pc >= begin:
                break
            begin = other.pc
        while True:
            other = gdb.find_pc_line(end)
            if not same(other) or other.last + 1 <= end:
                break
            end = other.last + 1
        inlined = cls.functions_around(pc)[:-1]
        skipped = cls.skipped_calls(inlined, entry.symtab)
        return {"file": name, "line": entry.line, "begin": begin, "end": end, "statement": entry.pc == pc,
                "depth": len(inlined), "skipped": [block.start for block in reversed(skipped)]}

    @staticmethod
    def functions_around(pc):
        """Their blocks, the innermost first: all but the last one are inlined."""
        blocks, block = [], gdb.block_for_pc(pc)
        while block is not None and not block.is_global and not block.is_static:
            if block.function is not None:
                blocks.append(block)
            block = block.superblock
        return blocks

    @staticmethod
    def body(entry, end):
        """Where gdb sets a breakpoint at the function: only what pushes rbp has a prologue for it."""
        pc, code = entry, bytes(gdb.selected_inferior().read_memory(entry, 8))
        if code[:4] == b"\xf3\x0f\x1e\xfa":
            pc, code = pc + 4, code[4:]
        if code[:1] != b"\x55":
            return entry
        first = gdb.find_pc_line(entry)
        if first.symtab is None or first.last is None:
            return pc + (4 if code[1:4] == b"\x48\x89\xe5" else 1)
        return first.last + 1 if first.last + 1 < end else entry

    @classmethod
    def without_debug_information(cls, pc):
        """Begin and end of the function as far as gdb would disassemble it."""
        for known in cls.undescribed:
            if known[0] <= pc < known[1]:
                return known
        try:
            lines = cls.console("disassemble %#x" % pc).splitlines()
        except gdb.error:
            return None
        starts = [int(line.replace("=>", "").split()[0], 16) for line in lines if "0x" in line and "<+" in line]
        if not starts:
            return None
        last = gdb.selected_inferior().architecture().disassemble(starts[-1])[0]
        cls.undescribed.append((starts[0], last["addr"] + last["length"]))
        return cls.undescribed[-1]

    @classmethod
    def function(cls, pc):
        blocks = cls.functions_around(pc)
        symbol = cls.console("info symbol %#x" % pc)
        library = gdb.current_progspace().solib_name(pc) or ""
        trampoline = "@plt" in symbol or " in section .plt" in symbol or "/ld-linux" in library
        if blocks:
            function = blocks[-1]
            begin, end = function.start, function.end
            return {"entry": begin, "begin": begin, "end": end, "body": cls.body(begin, end), "trampoline": trampoline,
                    "skipped": cls.is_skipped(function.function.print_name, gdb.find_pc_line(begin).symtab)}
        known = cls.without_debug_information(pc)
        if known is None:
            return {"trampoline": trampoline}
        begin, end = known
        return {"entry": begin, "begin": begin, "end": end, "body": begin, "trampoline": trampoline}

    @classmethod
    def code(cls, pc):
        cls.say({"line": cls.line(pc), "function": cls.function(pc)})

    @classmethod
    def where(cls, pc):
        """The line, and the function as a frame there is called: the innermost one, also if it is inlined."""
        entry, block = gdb.find_pc_line(pc), gdb.block_for_pc(pc)
        while block is not None and block.function is None:
            block = block.superblock
        if block is not None:
            name = block.function.print_name
        else:
            # The last line: `set trace-commands on` has the command in front.
            name = cls.console("info symbol %#x" % pc).strip().splitlines()[-1]
        has_line = entry.symtab is not None and entry.line != 0
        cls.say({"function": name, "file": entry.symtab.filename if has_line else "",
                 "line": entry.line if has_line else 0})

    @classmethod
    def symbols(cls):
        """Which symbols there are, and where control leaves frames."""
        cls.generation += cls.read_skips()
        jumps = []
        for name in ("longjmp", "_longjmp", "siglongjmp", "__longjmp_chk", "_Unwind_DebugHook"):
            try:
                jumps.append(int(gdb.parse_and_eval("(unsigned long)&%s" % name)))
            except gdb.error:
                pass
        cls.say({"generation": cls.generation, "jumps": jumps})

    # --- frames -------------------------------------------------------------------------------------------------

    @staticmethod
    def address(value):
        return int(value) & 0xFFFFFFFFFFFFFFFF

    @classmethod
    def cfa(cls, frame):
        outer = frame.older()
        while outer is not None and outer.type() in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            outer = outer.older()
        if outer is not None:
            return cls.address(outer.read_register("rsp"))
        selected = gdb.selected_frame()
        frame.select()
        text = cls.console("info frame")
        selected.select()
        return int(text.split("frame at ", 1)[1].split()[0].rstrip(":"), 16)

    @classmethod
    def walk(cls, most):
        frame, frames, handler = gdb.newest_frame(), [], False
        while frame is not None and len(frames) < most:
            if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
                frames.append((frame, handler))
                handler = frame.type() == gdb.SIGTRAMP_FRAME
            frame = frame.older()
        return frames

    @classmethod
    def frames(cls, most):
        cls.forget()
        cls.say({"frames": [{"pc": f.pc(), "cfa": cls.cfa(f), "interrupted": handler}
                            for f, handler in cls.walk(most)]})

    @classmethod
    def stack(cls, most):
        """The innermost frames as gdb shows them."""
        frame, frames = gdb.newest_frame(), []
        while frame is not None and len(frames) < most:
            line = frame.find_sal()
            frames.append({"pc": frame.pc(), "function": frame.name() or "",
                           "file": line.symtab.filename if line.symtab else "", "line": line.line})
            frame = frame.older()
        cls.say({"frames": frames})

    @classmethod
    def selected(cls):
        """Its number among the frames that have a stack frame of their own."""
        selected, frame, level = gdb.selected_frame(), gdb.newest_frame(), 0
        while frame is not None and frame != selected:
            level += frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME)
            frame = frame.older()
        cls.say({"level": level, "inlined": selected.type() == gdb.INLINE_FRAME})

    stopped_thread = None  # the one that gdb's last stop was of

    @classmethod
    def keep_stopped(cls, _):
        cls.stopped_thread = gdb.selected_thread()

    @classmethod
    def select_stopped(cls):
        if cls.stopped_thread is not None and cls.stopped_thread.is_valid():
            cls.stopped_thread.switch()

    @classmethod
    def thread(cls):
        """The selected one: its id, and where it stands."""
        cls.say({"id": gdb.selected_thread().ptid[1], "pc": gdb.newest_frame().pc()})

    @classmethod
    def invocation(cls, frame):
        """What a frame is found again by: its function, which may be inlined, and the CFA of what is on the stack."""
        function = frame.function()
        while frame.type() == gdb.INLINE_FRAME:
            frame = frame.older()
        return int(function.value().address) if function else 0, cls.cfa(frame)

    # --- breakpoints --------------------------------------------------------------------------------------------

    # What a catchpoint without an address catches, as gdb tells it.
    described = re.compile(r"""(?:(syscall|signal)s? "(.*)"|exception |(fork|vfork|exec)\b)""")

    @classmethod
    def caught(cls, b):
        """By a catchpoint without an address: what kind of thing, and which ones; "only" is empty for all of them. One of
        exceptions has no address as long as the library that throws them is not there, and is not hit."""
        row = cls.console("info breakpoints %d" % b.number).splitlines()[1]
        found = cls.described.match(row.split(None, 4)[4])
        if found is None:
            return None
        kind, words = found[1] or found[3] or "break", re.findall(r"[^,\s]+", found[2] or "")
        if kind == "signal":
            return {"kind": kind, "only": cls.signal_numbers(words)}
        return {"kind": kind, "only": [] if "<any" in words else words}

    @staticmethod
    def signal_numbers(words):
        if words[0] == "<any":
            return []
        if words[0] == "<standard":
            return sorted(set(range(1, 65)) - {signal.SIGTRAP, signal.SIGINT})
        known = (int(w[3:]) if w[3:].isdigit() else getattr(signal, w, 0) for w in words)
        return [int(n) for n in known] or [0]

    @classmethod
    def stops_at(cls, b):
        """{"kind": "break", "watch", "register", "syscall", "signal", "fork", "vfork" or "exec"}; nothing if only gdb can tell where it stops."""
        if b.type in (gdb.BP_BREAKPOINT, gdb.BP_HARDWARE_BREAKPOINT):
            return {"kind": "break"}
        if b.type in (gdb.BP_HARDWARE_WATCHPOINT, gdb.BP_READ_WATCHPOINT, gdb.BP_ACCESS_WATCHPOINT):
            return {"kind": "watch"}
        if b.type == gdb.BP_WATCHPOINT:
            register = cls.watched_register(b)
            return None if register is None or b.thread is not None else {"kind": "register", "only": [register]}
        if b.type != getattr(gdb, "BP_CATCHPOINT", None):
            return None
        if any(cls.addresses(b)):  # of others it is 0
            return {"kind": "break"}  # of exceptions
        return cls.caught(b)

    printing = re.compile(r"^(\d+) +dprintf +\S+ +(y|n) +(0x[0-9a-f]+|<MULTIPLE>)|^(\d+)\.\d+ +(y|n) +(0x[0-9a-f]+)",
                          re.MULTILINE)

    @classmethod
    def dprintfs(cls):
        """Those that are enabled: number and addresses. gdb's Python does not know them."""
        text, found, on = cls.console("info breakpoints"), {}, False
        for number, enabled, address, of, location_enabled, place in cls.printing.findall(text):
            if number:
                on = enabled == "y"
                found[int(number)] = [int(address, 16)] if on and address[0] == "0" else []
            elif on and location_enabled == "y" and int(of) in found:
                found[int(of)].append(int(place, 16))
        return found

    @staticmethod
    def addresses(b):
        return [p.address for p in b.locations or () if p.enabled and p.address is not None]

    @classmethod
    def breakpoints(cls):
        """What stops the program, and where it depends on conditions and counts (see `holds`). "left": why gdb must
        decide everything."""
        points, left = [], ""
        for b in gdb.breakpoints():
            if not b.enabled or not b.visible:
                continue
            what = cls.stops_at(b)
            if what is None:
                left = "number %d of its breakpoints is one that only it can check" % b.number
                continue
            depends = b.condition is not None or b.ignore_count != 0 or b.thread is not None or hasattr(b, "stop")
            points.append({"number": b.number, "addresses": cls.addresses(b), "depends": depends,
                           "ignore": b.ignore_count, "only": [], "prints": False, **what})
        for number, addresses in cls.dprintfs().items():
            points.append({"number": number, "kind": "break", "addresses": addresses, "depends": True, "ignore": 0,
                           "only": [], "prints": True})
        cls.say({"points": points, "left": left})

    @classmethod
    def insert_breakpoints(cls):
        """gdb takes the breakpoint out that it steps over, and may stop before it is in again. It inserts what is not
        whenever the list of its breakpoints changes."""
        gdb.Breakpoint("*1", internal=True).delete()
        cls.say({})

    # --- the program --------------------------------------------------------------------------------------------

    @classmethod
    def caught_processes(cls):
        kinds = {(cls.stops_at(b) or {}).get("kind") for b in gdb.breakpoints() if b.enabled}
        cls.say({"kinds": [kind for kind in ("fork", "vfork", "exec") if kind in kinds]})

    @classmethod
    def open_process(cls, pid, program):
        """A process of the recording becomes the current inferior: one that was this program's before, or a new one."""
        known = [inferior for inferior in gdb.inferiors() if inferior.pid == pid]
        if known:
            gdb.execute("inferior %d" % known[0].num)
            return
        free = [inferior for inferior in gdb.inferiors() if inferior.pid == 0 and
                os.path.basename(inferior.progspace.filename or "")[:15] == program]
        if not free:
            before = {inferior.num for inferior in gdb.inferiors()}
            gdb.execute("add-inferior", to_string=True)
            free = [inferior for inferior in gdb.inferiors() if inferior.num not in before]
        if free[0] != gdb.selected_inferior():
            gdb.execute("inferior %d" % free[0].num, to_string=True)
        try:
            gdb.execute("attach %d" % pid)
        except gdb.error as error:
            raise gdb.GdbError(str(error)) from None

    @classmethod
    def selected_process(cls):
        cls.say({"process": gdb.selected_inferior().pid})

    @classmethod
    def program(cls):
        """What `run` would start."""
        cls.keep_program()
        cls.say({"name": gdb.parameter("remote exec-file") or ""})

    @staticmethod
    def keep_program(_=None):
        """gdb's `run` asks the target for the program that gdb has symbols of."""
        name = gdb.current_progspace().filename
        if name and gdb.parameter("remote exec-file") != name:
            gdb.execute("set remote exec-file " + name, to_string=True)

    @classmethod
    def changed(cls, _=None):
        cls.generation += 1
        cls.undescribed.clear()
        cls.keep_program()


gdb.events.new_objfile.connect(_Fred.changed)
gdb.events.clear_objfiles.connect(_Fred.changed)
gdb.events.before_prompt.connect(_Fred.keep_program)
gdb.events.breakpoint_created.connect(_Fred.condition_given)
gdb.events.breakpoint_created.connect(_Fred.watch_set)
gdb.events.breakpoint_modified.connect(_Fred.condition_given)
gdb.events.stop.connect(_Fred.end_run)
gdb.events.stop.connect(_Fred.keep_stopped)
gdb.events.stop.connect(_Fred.stop_answering)
gdb.events.before_prompt.connect(_Fred.stop_answering)
_Fred.keep_program()
