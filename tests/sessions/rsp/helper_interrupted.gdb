# Ctrl-C while the helper is between two requests, which no session can hit at will: it is as one during a request.
# program: walk
source HELPER
break twice
continue
#> twice \(n=153\)
python import os, signal; real = _FredProgress.show
python _FredProgress.show = lambda self, text: (setattr(_FredProgress, "show", real), os.kill(os.getpid(), signal.SIGINT))
reverse-watch global > 5
#> ^(interrupted|Interrupted; nothing has moved)
#! Quit
when
#> end of history
reverse-watch global > 5
#> changed by
