# program: surroundings
# input: surroundings.in has a line
set environment COLOUR green
set cwd FOLDER
run a "b c" $COLOUR > surroundings.out < surroundings.in
#> exit status 0
shell cat FOLDER/surroundings.out
#> arg a
#> arg b c
#> arg green
#> COLOUR green
#> in FOLDER
#> read a line
unset environment COLOUR
set startup-with-shell off
run * > surroundings.out
#> exit status 0
monitor when
#> \d+:0x
monitor help
#> stats
monitor nonsense
#> no monitor command
find &_r_debug, +100, (char) 1
