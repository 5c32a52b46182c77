# program: walk
"""Back and forth a hundred times: at equal Times registers and memory are equal."""
import random

import gdb


def quiet(command):
    return gdb.execute(command, to_string=True)


def when():
    return quiet("monitor when").strip()


def state():
    return quiet("info registers") + quiet("x/64xb $rsp") + quiet("output global") + quiet("output array")


quiet("break twice")
quiet("continue")
random.seed(4)
seen = {}
checked = wrong = 0
for _ in range(100):
    command = random.choice(["reverse-stepi", "reverse-stepi 7", "stepi", "stepi 5", "reverse-step", "reverse-next",
                             "next", "step", "reverse-finish"])
    try:
        quiet(command)
    except gdb.error:
        quiet("continue")
    time, now = when(), state()
    if time in seen:
        checked += 1
        if seen[time] != now:
            wrong += 1
            print("differs at", time)
    seen[time] = now
print("checked", checked > 10, "wrong", wrong)
#> checked True wrong 0
