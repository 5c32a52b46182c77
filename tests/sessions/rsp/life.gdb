# program: walk
break twice
continue
#> twice
run
#> Breakpoint 1, twice \(n=153\)
reverse-next
kill
#> killed
run
#> Breakpoint 1, twice
delete
continue
#> the program ends here with exit status 3
continue
#> exited with code 03
run
#> ends here
start
#> main \(argc=1
starti
#> Program stopped|_start
detach
#> Detaching|detached
