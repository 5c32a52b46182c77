# gdb is told of vfork children that execute no program.
# program: vforks
catch vfork
#> Catchpoint 1
continue
#> Catchpoint 1 \(vforked process \d+\)
info inferiors
#> \* 1 +process
continue
#> Detaching vfork parent|Detaching after vfork
#> Catchpoint 1 \(vforked process \d+\)
print status
#> = 768
reverse-continue
#> No more reverse-execution history
continue
#> Catchpoint 1 \(vforked process \d+\)
delete
break vforks.c:24
continue
#> Breakpoint 2, main
print first
#> = 768
print second
#> = 15
continue
#> the program ends here with exit status 0
