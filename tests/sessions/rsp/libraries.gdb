# program: walk
source HELPER
info sharedlibrary
#> ld-linux
break twice
continue
#> twice \(n=153\)
info sharedlibrary
#> ld-linux
#> libc.so
goto start
#> in _start|\?\?
print global
#> = 0
stepi 3000
print global
#> = 0
ptype global
#> type = int
info line twice
#> walk.c
watch global
continue
#> Old value = 0
#> New value = 2
info sharedlibrary
#> libc.so
