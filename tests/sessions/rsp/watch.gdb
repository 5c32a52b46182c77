# program: walk
break twice
continue
watch global
#> Hardware watchpoint 2: global
reverse-continue
#> Old value = 194
#> New value = 74
#> global \+= r
print global
#> = 74
reverse-continue
#> Old value = 74
#> New value = 50
continue
#> Old value = 50
#> New value = 74
continue
#> Old value = 74
#> New value = 194
reverse-stepi
#> global
print global
#> = 74
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
#> array\[0\]
#> New value = 33
awatch local_to_thread
#> access \(read/write\) watchpoint
reverse-continue
#> Value = |Old value
