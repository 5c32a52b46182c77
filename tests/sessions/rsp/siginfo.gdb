# $_siginfo is written: the handler gets it, history has it, and in the past it is thrown away.
# program: siginfo
print $_siginfo
#> Unable to read siginfo|Cannot|Couldn't|error|E01
break seen
continue
#> received signal SIGSEGV
print $_siginfo._sifields._sigfault.si_addr
#> 0x10
set var $_siginfo._sifields._sigfault.si_addr = 0x1234
set var $_siginfo.si_code = 77
print $_siginfo._sifields._sigfault.si_addr
#> 0x1234
continue
#> seen \(number=11, code=77, address=0x1234, value=0\)
reverse-continue
#> received signal SIGSEGV
print $_siginfo._sifields._sigfault.si_addr
#> 0x1234
set var $_siginfo._sifields._sigfault.si_addr = 0x99
print $_siginfo._sifields._sigfault.si_addr
#> 0x99
continue
#> the change in the past was dropped
#> seen \(number=11, code=77, address=0x1234, value=0\)
continue
#> received signal SIGSEGV
set var $_siginfo._sifields._sigfault.si_addr = 0x4321
print twice(4)
#> = 8
print $_siginfo._sifields._sigfault.si_addr
#> 0x4321
continue
#> seen \(number=11, code=1, address=0x4321, value=0\)
continue
#> received signal SIGUSR1
print $_siginfo._sifields._rt.si_sigval.sival_int
#> = 5
set var $_siginfo._sifields._rt.si_sigval.sival_int = 42
continue
#> seen \(number=10, code=-1, address=0x0, value=42\)
reverse-continue
#> received signal SIGUSR1
print $_siginfo._sifields._rt.si_sigval.sival_int
#> = 42
continue
#> seen \(number=10, code=-1, address=0x0, value=42\)
continue
#> received signal SIGUSR1
print twice(5)
#> = 10
continue
#> seen \(number=10, code=-1, address=0x0, value=5\)
continue
#> received signal SIGUSR1
set var $_siginfo.si_signo = 12
print $_siginfo.si_signo
#> = 12
continue
#> seen \(number=10, code=0, address=0x0, value=0\)
delete
continue
#> exit status 5
