"""Run in gdb: where reverse commands end, from many instructions of a short program. `use_fred` says whether the target is
fred's; else gdb's own `record full` is asked. Instructions are numbered by how many were executed before. The last line
is JSON: "ends": {"INDEX COMMAND": INDEX}, and of fred's target "trace": [[depth, line], ...].
"""
import json
import random
import re

import gdb

COMMANDS = ("reverse-stepi", "reverse-nexti", "reverse-finish", "reverse-step", "reverse-next")


def quiet(command):
    return gdb.execute(command, to_string=True)


class RecordFull:
    trace = None

    def __init__(self):
        quiet("starti")
        quiet("record full")
        quiet("continue")
        self.last = self.number("Highest recorded instruction number is")
        # The first one is number 0; from gdb 18 on it is 1.
        quiet("record goto begin")
        self.first = self.number("Current instruction number is")

    @staticmethod
    def number(text):
        found = re.search(text + r" (\d+)", quiet("info record"))
        return int(found[1]) if found else None

    def count(self):
        return self.last + 1

    def go_to(self, index):
        if self.index() != index:
            quiet("record goto %d" % (index + self.first) if index < self.last else "record goto end")

    def index(self):
        now = self.number("Current instruction number is")
        return self.last if now is None else now - self.first


class Fred:
    def __init__(self):
        self.times, self.trace = [], []
        while not self.times or self.now() != self.times[-1]:
            self.times.append(self.now())
            frame = gdb.newest_frame()
            line, depth = frame.find_sal().line, 0
            while frame is not None:
                depth, frame = depth + 1, frame.older()
            self.trace.append([depth, line])
            quiet("stepi")

    @staticmethod
    def now():
        return quiet("monitor when").strip()

    def count(self):
        return len(self.times)

    def go_to(self, index):
        quiet("goto " + self.times[index])

    def index(self):
        return self.times.index(self.now())


def ends(target, places):
    answers = {}
    for index in sorted(random.Random(3).sample(range(1, target.count() - 1), places)):
        for command in COMMANDS:
            target.go_to(index)
            try:
                quiet(command)
            except gdb.error:
                pass  # "finish" in the outermost frame
            answers["%d %s" % (index, command)] = target.index()
    return answers


quiet("set confirm off")
target = Fred() if use_fred else RecordFull()
print(json.dumps({"count": target.count(), "trace": target.trace, "ends": ends(target, 100)}))
