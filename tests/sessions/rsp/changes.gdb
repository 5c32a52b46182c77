# Changes at the tip, and functions called there and in the past.
# program: walk
break twice
continue
#> twice
set var n = 200
print n
#> = 200
call factorial(4)
#> = 24
print global
#> = 226
set $rax = 5
print $rax
#> = 5
print $xmm3.uint128 = 77
#> = 77
print $xmm3.uint128
#> = 77
# All of that is one point of history: what was called is no part of the way back, and going forward arrives behind it.
break factorial
reverse-continue
#> Breakpoint 2, factorial \(n=1\)
bt -2
#> factorial \(n=5\)
#> main
print global
#> = 42
continue
#> Breakpoint 1, twice \(n=200\)
print global
#> = 226
print $xmm3.uint128
#> = 77
reverse-stepi
stepi
#> Breakpoint 1, twice \(n=200\)
# A watchpoint sees it as one change, there.
watch global
reverse-continue
#> Breakpoint 1, twice \(n=153\)
print global
#> = 194
reverse-continue
#> Old value = 194
#> New value = 74
continue
#> New value = 194
continue
#> Breakpoint 1, twice \(n=200\)
# A call that stops on its way can be gone back through until it has ended.
call factorial(2)
#> Breakpoint 2, factorial \(n=2\)
reverse-step
#> twice \(n=200\)
continue
#> Breakpoint 2, factorial \(n=2\)
delete
finish
#> Value returned is .* = 2
print global
#> = 228
reverse-next
#> total = twice
print global
#> = 194
# In the past a call has no effect.
print twice(21)
#> = 42
print factorial(3)
#> = 6
print global
#> = 194
set var global = 1000
print global
#> = 1000
reverse-stepi
#> the change in the past was dropped
print global
#! 1000
continue
#> No more reverse-execution history
#> twice \(n=200\)
print global
#> = 228
# No fault is left of a call's return to the stack.
continue
#! SIGSEGV
#> the program ends here with exit status 3
