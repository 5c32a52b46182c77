"""What fred asks about conditions: the part of answers.py about whether a breakpoint stops."""
import re
import traceback
from functools import partial

import gdb


class _FredStopCall:
    """A call of a breakpoint's `stop` method, and all that it has done as far as gdb's user can see."""

    called = None  # of the call that is being made

    def __init__(self, breakpoint):
        gdb.newest_frame().select()
        before = _Fred.variables()
        self.breakpoint, self.stops = breakpoint, True
        _FredStopCall.called = self
        self.output = gdb.execute("python _FredStopCall.called.call()", to_string=True)
        now = _Fred.variables()
        self.changed = {name: now.get(name) for name in now.keys() | before.keys()
                        if not _Fred.same(now.get(name), before.get(name))}

    def call(self):
        try:
            self.stops = self.breakpoint.stop() is not False
        except Exception as error:  # gdb says so, and stops
            style = gdb.parameter("python print-stack")
            text = {"full": traceback.format_exc(),
                    "message": "Python Exception %s: %s\n" % (type(error), error)}.get(style, "")
            gdb.write(text, gdb.STDERR)

    def again(self):
        gdb.write(self.output)
        for name, value in self.changed.items():
            gdb.set_convenience_variable(name, value)
        return self.stops


class _FredConditions:
    # gdb evaluates a condition once for each hit, and so must whoever does it in gdb's place: what that has changed of
    # gdb's own, its convenience variables, is taken back before gdb evaluates for itself. Their names that begin with _
    # are gdb's. (What it changes of the program in the past is dropped.)
    kept_variables = {}

    @classmethod
    def variables(cls):
        names = re.findall(r"^\$([A-Za-z]\w*) = ", cls.console("show convenience"), re.MULTILINE)
        return {name: gdb.convenience_variable(name) for name in names}

    @staticmethod
    def same(a, b):
        def identity(value):
            if not isinstance(value, gdb.Value):
                return type(value), value
            return str(value.type), value.format_string(raw=True, max_elements=0, repeat_threshold=0, symbols=False)
        return identity(a) == identity(b)

    @classmethod
    def keep_variables(cls):
        cls.kept_variables = cls.variables()
        cls.calls = []
        cls.say({})

    @classmethod
    def restore_variables(cls):
        """The target is back where the conditions' hits were searched from, and gdb is to know that place."""
        cls.forget()
        gdb.newest_frame()
        changed = False
        now, before = cls.variables(), cls.kept_variables
        for name in now.keys() | before.keys():
            if name not in now or name not in before or not cls.same(now[name], before[name]):
                changed = True
                gdb.set_convenience_variable(name, before.get(name))
        cls.say({"changed": changed or any(call.output for calls in cls.calls for call in calls.values())})

    @classmethod
    def holds(cls, numbers, thread):
        """Those of these breakpoints whose conditions are true here, in the thread that runs; as in gdb, one without a
        value is."""
        cls.forget()
        selected, holding, calls = gdb.selected_thread(), [], {}
        for t in gdb.selected_inferior().threads():
            if t.ptid[1] == thread and t != selected:
                t.switch()
        for b in gdb.breakpoints():
            if b.number in numbers and cls.condition(b):
                if hasattr(b, "stop"):
                    calls[b.number] = _FredStopCall(b)
                if b.number not in calls or calls[b.number].stops:
                    holding.append(b.number)
        cls.calls.append(calls)
        selected.switch()
        cls.say({"holds": holding})

    # gdb calls a `stop` method once for each hit, too. What that has done cannot be taken back: where gdb comes to one of
    # the hits, what the call gave stands in for another one.
    calls = []  # for each `holds` of a search: by breakpoint
    answering = {}  # breakpoints to which gdb will come: the calls, and a `stop` of the object's own

    @classmethod
    def answer_stops(cls, hits):
        """gdb is about to come to these of the hits that `holds` was asked for, in this order."""
        cls.stop_answering()
        for b in gdb.breakpoints():
            calls = [cls.calls[n][b.number] for n in hits if b.number in cls.calls[n]]
            if calls:
                cls.answering[b.number] = b, vars(b).get("stop"), b.stop
                b.stop = partial(cls.answer, b.number, iter(calls))
        cls.calls = []
        cls.say({})

    @classmethod
    def answer(cls, number, calls):
        call = next(calls, None)
        return call.again() if call is not None else cls.answering[number][2]()

    @classmethod
    def stop_answering(cls, _=None):
        for b, own, _ in cls.answering.values():
            if not b.is_valid():
                continue
            del b.stop
            if own is not None:
                b.stop = own
        cls.answering = {}

    @classmethod
    def condition(cls, b):
        if b.thread is not None and b.thread != gdb.selected_thread().global_num:
            return False
        if b.condition is None:
            return True
        try:
            cls.frame_of_condition(b).select()
            return int(gdb.parse_and_eval(b.condition)) != 0
        except (gdb.error, RuntimeError, ValueError):
            return True

    @classmethod
    def frame_of_condition(cls, b):
        """What names mean in it: to gdb, of a breakpoint in the code, what they mean there; of watchpoints and catchpoints
        what they meant where the condition was given."""
        newest = gdb.newest_frame()
        if b.type in (gdb.BP_BREAKPOINT, gdb.BP_HARDWARE_BREAKPOINT):
            return newest
        _, name, file = cls.given.get(b.number, (None, None, None))
        frame, best = newest, None
        while frame is not None:
            function = frame.function()
            if function is not None and function.symtab.filename == file:
                if function.name == name:
                    return frame
                best = best or frame
            frame = frame.older()
        return best or newest

    given = {}  # by breakpoint: its condition, and the function and the file where that was given

    @classmethod
    def condition_given(cls, b):
        if b.condition is None or cls.given.get(b.number, (None,))[0] == b.condition:
            return
        try:
            function = gdb.selected_frame().function()
        except gdb.error:
            function = None
        if function is None:
            function = gdb.lookup_global_symbol("main")
        cls.given[b.number] = (b.condition, function and function.name, function and function.symtab.filename)
