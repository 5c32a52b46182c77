# gdb follows a child, without anything of fred's; its parent goes on by itself.
# program: family
set follow-fork-mode child
break work
continue
#> Attaching after .* fork to child
#> Detaching after fork from parent process
#> hit Breakpoint 1, work \(n=5\)
info inferiors
#> 1 +<null>
#> \* 2 +process
reverse-finish
#> be_child
print order
#> = 5
reverse-continue
#> No more reverse-execution history
continue
#> hit Breakpoint 1, work \(n=5\)
delete
continue
#> the program ends here with exit status 115
reverse-stepi
print total
#> = 115
