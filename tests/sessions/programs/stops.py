# Breakpoints that are made in Python, which count how often they are asked whether they stop.
import gdb


class Third(gdb.Breakpoint):
    calls = 0

    def stop(self):
        self.calls += 1
        gdb.set_convenience_variable("calls", self.calls)
        print("asked %d times, value %d" % (self.calls, gdb.parse_and_eval("value")))
        return self.calls % 3 == 0


class Silent(gdb.Breakpoint):
    calls = 0

    def stop(self):
        Silent.calls += 1
        return int(gdb.parse_and_eval("value")) == 3


class Failing(gdb.Breakpoint):
    def stop(self):
        raise RuntimeError("of its own")


point = None


class Make(gdb.Command):
    """The one breakpoint: make CLASS."""

    def __init__(self):
        super().__init__("make", gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        global point
        if point is not None:
            point.delete()
        point = globals()[argument]("new_node")


Make()


class Even(gdb.Breakpoint):
    """A watchpoint of g that stops where it is even."""

    def stop(self):
        g = int(gdb.parse_and_eval("g"))
        print("g is %d" % g)
        return g % 2 == 0
