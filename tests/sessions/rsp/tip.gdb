# return, jump, signal and assignments at the tip, and back over them and forward again: the same stops.
# program: change
break half if n == 4
continue
#> half \(n=4\)
set var n = 40
return 7
bt 1
#> sum \(n=3\)
reverse-stepi
#> half \(n=40\)
stepi
#> sum \(n=3\)
# gdb < 14:
reverse-next
#> s \+= half
next
#> for \(int i
next
#> return s
print s
#> = 8
delete
break 28
break 31
continue
#> Breakpoint 2, main
jump 30
#> Breakpoint 3, main
print c
#> = 15
reverse-stepi
#> c \^= 1
reverse-continue
#> Breakpoint 2, main
reverse-next
#> int c = a
continue
#> Breakpoint 2, main
continue
#> Breakpoint 3, main
print c
#> = 15
# In the past there is no other way on, and no signal comes that did not.
reverse-stepi
jump 28
#> in the past the program cannot go on from elsewhere: it is back where it was
#> c \^= 1
print c
#> = 14
stepi
#> Breakpoint 3, main
reverse-continue
#> Breakpoint 2, main
signal SIGUSR2
#> signal 12 \(User defined signal 2\) is not sent in the past: history cannot be changed
#> Breakpoint 3, main
break handler
signal SIGUSR1
#> Breakpoint 4, handler \(n=10\)
bt
#> signal handler called
#> main
reverse-stepi
stepi
#> Breakpoint 4, handler \(n=10\)
reverse-continue
#> received signal SIGUSR1
#> main
continue
#> Breakpoint 4, handler \(n=10\)
delete
continue
#> received signal SIGSEGV
print handled
#> = 10
# The instruction is executed again.
set var pointer = (int*)8
set $rax = 8
signal 0
#> received signal SIGSEGV
print pointer
#> = \(int \*\) 0x8
set $rax = &handled
signal 0
#> the program ends here with exit status 10
reverse-continue
#> received signal SIGSEGV
print $rax == &handled
#> = 1
reverse-continue
#> received signal SIGSEGV
print $rax
#> = 8
reverse-continue
#> received signal SIGUSR1
continue
#> received signal SIGSEGV
continue
#> received signal SIGSEGV
continue
#> the program ends here with exit status 10
