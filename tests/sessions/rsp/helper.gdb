# program: walk
source HELPER
break twice
continue
#> twice \(n=153\)
when
#> Time \d+:0x[0-9a-f]+, the end of history so far\.
reverse-next
#> total = twice
reverse-watch global
#> changed by
#> global
next
print global
undo
#> global
undo
#> total = twice
checkpoint
goto start
info checkpoints
#> main at .*walk.c
restart 1
#> total = twice
monitor when
#> \d+:0x
info timeline
#> \^ here
fred
#> Travelling in time
monitor fred nonsense
#> no monitor command
record full
#> Not needed
info record
#> No record(ing)? (target )?is currently active
