# program: signals
continue
#> SIGUSR1
continue
#> SIGUSR1
print handled
#> = 10
reverse-continue
#> SIGUSR1
print handled
#> = 0
reverse-continue
#> No more reverse
continue
#> SIGUSR1
continue
#> SIGUSR1
handle SIGUSR1 nostop noprint pass
catch syscall write
#> Catchpoint 1
reverse-continue
#> Catchpoint 1 \(.*write\)
print handled
#> = 10
reverse-continue
#> Catchpoint 1 \(.*write\)
continue
#> Catchpoint 1 \(.*write\)
continue
#> Catchpoint 1|history
continue
continue
delete
continue
#> exit status 0|history
continue
