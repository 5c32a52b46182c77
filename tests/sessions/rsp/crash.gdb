# program: walk
# args: crash
continue
#> Program received signal SIGSEGV
#> \*\(volatile int \*\)0 = 1
print $_siginfo.si_signo
#> = 11
print $_siginfo._sifields._sigfault.si_addr
#> = .*0x0
reverse-stepi
reverse-continue
#> No more reverse-execution history
break twice
continue
#> twice \(n=153\)
continue
#> Program received signal SIGSEGV
continue
#> the program ends here by signal 11
#> SIGSEGV
continue
#> terminated with signal SIGSEGV
info inferiors
#> <null>
