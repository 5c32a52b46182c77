# Of a program that takes orphans in, the processes that fred makes of its children are no children.
# program: adopts
set detach-on-fork off
set follow-fork-mode child
break be_child
continue
#> hit Breakpoint 1\.?2?, be_child
set follow-fork-mode parent
set detach-on-fork on
break worked
continue
#> hit Breakpoint 2.*worked
reverse-continue
#> hit Breakpoint 1.*be_child
print turns
#> = 0
continue
#> hit Breakpoint 2.*worked
reverse-stepi
print turns
#> = 3000000
delete
continue
#> No more reverse-execution history
continue
#> the program ends here with exit status 3
continue
#> exited with code 03
inferior 1
break look
continue
#> look \(\)
print ended
#> = 2
print sum
#> = 7
print last_error
#> = 10
