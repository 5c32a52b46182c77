# gdb follows a vfork's child that executes no program: to its end, and back to its parent.
# program: vforks
set follow-fork-mode child
set detach-on-fork off
continue
#> exited with code 03
info inferiors
#> \* 2 +<null>
inferior 1
continue
#> terminated with signal SIGTERM
inferior 1
print status
#> = 768
break vforks.c:24
continue
#> hit Breakpoint 1
print second
#> = 15
