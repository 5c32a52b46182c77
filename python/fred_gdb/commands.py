"""fred's commands as commands of gdb itself, for a gdb that is connected to fred's session.

Each sends its line to the session and then does what the session asks for, until the session is done
(gdbmi/travel/helper.h tells the conversation). Needs answers.py before it, and `_fred_rows`, the table of commands.
"""
import binascii
import json
import os
import signal
import time

import gdb


class _FredProgress:
    """A line for what takes long, on a terminal that is not the TUI's."""

    def __init__(self):
        self.begin, self.shown, self.possible = time.monotonic(), False, None

    def show(self, text):
        """None: the line goes away."""
        if text is None and self.shown:
            gdb.write("\r\033[K")
            gdb.flush()
        self.shown = self.shown and text is not None
        if text is None or time.monotonic() < self.begin + 0.7:
            return
        if self.possible is None:
            self.possible = os.isatty(1) and "not active" in _Fred.console("info win")
        if self.possible:
            gdb.write("\r%s  (Ctrl-C ends the search)\033[K" % text)
            gdb.flush()
            self.shown = True


class _FredLink:
    terminal = ""  # that the program has been given
    notes = False  # the session is to keep a record of what happens at gdb's prompt
    connections = {}  # number of a connection: whether fred is at its other end

    @staticmethod
    def connection():
        connection = gdb.selected_inferior().connection
        return connection if hasattr(connection, "send_packet") else None

    @classmethod
    def idle_connection(cls):
        """None too while the program runs (`continue &`): nobody would answer."""
        thread = gdb.selected_thread()
        return None if thread is not None and thread.is_running() else cls.connection()

    @staticmethod
    def packet(connection, text):
        reply = connection.send_packet(b"qRcmd," + binascii.hexlify(text.encode()))
        try:
            return json.loads(binascii.unhexlify(reply))
        except ValueError:
            return None

    @classmethod
    def send(cls, connection, request):
        """Ctrl-C meanwhile is told to the session: gdb's own way would leave the answer behind. One that came just before
        or just after is raised by pthread_sigmask, which has done its work by then."""
        interrupted, before = False, set()
        try:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        except KeyboardInterrupt:
            interrupted = True
        try:
            answer = cls.packet(connection, "fred " + json.dumps(request))
            if signal.SIGINT in signal.sigpending():
                signal.sigwait({signal.SIGINT})
                interrupted = True
        finally:
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            except KeyboardInterrupt:
                interrupted = True
        return answer, interrupted

    @classmethod
    def run(cls, line):
        connection = cls.connection()
        if connection is None:
            raise gdb.GdbError("The program is not being run.")
        answer, interrupted = cls.send(connection, {"do": "run", "line": line, "note": cls.notes,
                                                    "width": gdb.parameter("width") or 80})
        if answer is None:
            raise gdb.GdbError("What gdb is connected to is not fred.")
        progress = _FredProgress()
        while "done" not in answer:
            try:
                progress.show(answer.get("busy"))
                request = cls.carry_out(answer)
            except KeyboardInterrupt:
                request, interrupted = {"do": "answer", "error": "interrupted"}, True
            request["interrupt"] = interrupted or _Fred.interrupted
            _Fred.interrupted = False
            answer, interrupted = cls.send(connection, request)
        progress.show(None)
        if "error" in answer:
            raise gdb.GdbError(answer["error"])

    @classmethod
    def carry_out(cls, wish):
        if "print" in wish:
            gdb.write(wish["print"])
        elif "console" in wish:
            try:
                return {"do": "answer", "text": _Fred.console(wish["console"])}
            except (gdb.error, RuntimeError) as error:
                return {"do": "answer", "error": str(error)}
        elif "gdb" in wish:
            try:
                cls.gdb(wish["gdb"])
            except (gdb.error, RuntimeError) as error:
                gdb.write("%s\n" % error, gdb.STDERR)
            return {"do": "answer"}
        return {"do": "go on"}

    @staticmethod
    def gdb(line):
        word, _, rest = line.partition(" ")
        forward = {"reverse-step": "step", "reverse-next": "next", "reverse-nexti": "nexti",
                   "reverse-finish": "finish"}.get(word)
        if forward is None:
            gdb.execute(line)
            return
        # gdb's own, by the name that is not taken by fred's.
        gdb.execute("set exec-direction reverse")
        try:
            gdb.execute("%s %s" % (forward, rest))
        finally:
            gdb.execute("set exec-direction forward")

    @classmethod
    def at_prompt(cls):
        """Tells the session where gdb's own commands have led."""
        connection = cls.idle_connection()
        if gdb.selected_thread() is None or connection is None:
            return
        if cls.connections.get(connection.num) is None:
            cls.connections[connection.num] = cls.send(connection, {"do": "prompt"})[0] is not None
        elif cls.connections[connection.num]:
            cls.send(connection, {"do": "prompt"})

    @classmethod
    def keep_terminal(cls):
        """The remote protocol has no word for `tty`."""
        path, connection = gdb.parameter("inferior-tty") or "", cls.idle_connection()
        if path != cls.terminal and connection is not None:
            answer, _ = cls.send(connection, {"do": "terminal", "path": path})
            cls.terminal = path
            if answer and "error" in answer:
                gdb.write("%s\n" % answer["error"], gdb.STDERR)

    @classmethod
    def keep_record(cls):
        cls.notes = True
        gdb.events.before_prompt.connect(cls.at_prompt)


class _FredCommand(gdb.Command):
    def __init__(self, row):
        self.__doc__ = row["help"]
        self.row = row
        kind = gdb.COMPLETE_EXPRESSION if row.get("expression") else gdb.COMPLETE_NONE
        super().__init__(row["name"], gdb.COMMAND_RUNNING, kind)

    def invoke(self, argument, from_tty):
        if not self.row.get("repeats"):
            self.dont_repeat()
        if self.row["name"] == "fred":
            gdb.write(self.row["help"])
        else:
            _FredLink.run("%s %s" % (self.row["name"], argument))


gdb.events.before_prompt.connect(_FredLink.keep_terminal)
for _row in json.loads(_fred_rows):
    # One step of an instruction and the search for a breakpoint are gdb's: fred's target goes back by itself there,
    # and it is with them that a place is shown.
    if _row["name"] not in ("reverse-stepi", "rsi", "reverse-continue", "rc"):
        _FredCommand(_row)
