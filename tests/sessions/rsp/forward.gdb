# program: walk
break factorial if n == 1
#> Breakpoint 1 at
continue
#> Breakpoint 1, factorial \(n=1\)
backtrace
#> #0  factorial \(n=1\)
#> #1 .* main \(argc=1
next
#> return 1;
finish
#> Value returned is \$1 = 1
delete
step
#> local_to_thread
tbreak factorial
continue
#> factorial \(n=2\)
step
#> if \(n <= 1\)|r = n
until
tbreak twice
continue
#> twice \(n=153\)
info registers rip rsp eflags cs fs_base
#> rip .* <twice
#> eflags .*\[ .* \]
#> cs +0x33
print $rdi
#> = 153
print scale
#> = 229.5
print vector
#> = \{2, 4, 6, 8\}
x/i $pc
#> => .*<twice\+
print $xmm0.v2_double
#> = \{
print $st0
#> = 
info registers mxcsr
#> mxcsr .*IM
stepi
print local_to_thread
#> = 20
print errno
#> = 7
info proc mappings
#> heap|stack|walk
#! fred-engine
info auxv
#> AT_PHDR
info threads
#> \* 1 .*walk
info inferiors
#> process
