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
delete
reverse-next
print global
print twice(21)
#> = 42
print factorial(3)
#> = 6
print global
set var global = 1000
print global
#> = 1000
reverse-stepi
#> the change in the past was dropped
print global
#! 1000
continue
#> 
continue
#> the program ends here|exited
