# program: walk
break twice
continue
#> twice \(n=153\)
reverse-stepi
#> 0x
reverse-finish
#> main
# From within a line first to its beginning.
# gdb < 14:
reverse-next
#> total = twice
reverse-next
#> errno = 7
reverse-next
#> vector \+= vector
reverse-next
#> scale \*= total
print scale
#> = 1.5
reverse-next
#> for \(int i
reverse-next
#> array\[i & 3\]
reverse-next
#> local_to_thread \+= i
reverse-step
#> factorial \(n=5\)
print n
#> = 5
reverse-next
#> return r
reverse-next
#> global \+= r
reverse-next
#> r = n \* factorial
print n
#> = 5
# The line has a second row in the table, behind the call: the step before came only to that. From there gdb's
# reverse-finish, which runs back to a break at the function's entry, would end in the recursion.
# gdb < 14:
reverse-next
#> r = n \* factorial
print n
#> = 5
reverse-next
#> if \(n <= 1\)
reverse-finish
#> main
#> total \+= factorial
print global
#> = 42
reverse-stepi
stepi
delete
break factorial if n == 3
# In factorial(4) and in factorial(3).
reverse-continue
#> Breakpoint .* factorial \(n=3\)
reverse-continue
#> Breakpoint .* factorial \(n=3\)
reverse-continue
#> No more reverse-execution history
continue
#> factorial \(n=3\)
delete
continue
#> No more reverse-execution history
#> twice \(n=153\)
print local_to_thread
#> = 20
continue
#> the program ends here with exit status 3
reverse-continue
#> No more reverse-execution history
