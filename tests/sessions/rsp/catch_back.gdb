# Plain gdb's way back stops at forks where the target has been told to.
# program: family
catch fork
break family.c:36
continue
#> Catchpoint 1 \(forked process \d+\)
continue
#> Breakpoint 2, main
reverse-continue
#> No more reverse-execution history
continue
#> Catchpoint 1
continue
#> Breakpoint 2, main
monitor catch spoon
#> 'spoon' is not fork, vfork or exec
monitor catch fork vfork
reverse-continue
#> Catchpoint 1 \(forked process \d+\)
print total
#> = 100
reverse-continue
#> No more reverse-execution history
monitor catch
continue
#> Catchpoint 1
