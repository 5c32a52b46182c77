# program: walk
break twice
continue
watch global
#> Hardware watchpoint 2: global
reverse-continue
#> Old value = 182
#> New value = 62
#> global \+= r
print global
#> = 62
reverse-continue
#> Old value = 62
#> New value = 38
continue
#> Old value = 38
#> New value = 62
continue
#> Old value = 62
#> New value = 182
reverse-stepi
#> global
print global
#> = 62
delete
watch array[1]
watch array[2]
watch array[3]
watch array[0]
watch scale
rwatch vector
#> read watchpoint
reverse-continue
#> Old value = 33
continue
#> Old value = 3
#> New value = 33
continue
#> New value = 33|watchpoint .: array|Hardware
awatch local_to_thread
#> access \(read/write\) watchpoint
reverse-continue
#> Value = |Old value
