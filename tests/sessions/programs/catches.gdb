handle SIGUSR1 SIGUSR2 nostop noprint pass
break 23
run
catch syscall getppid geteuid
condition 2 turn == 7
catch syscall getuid
condition 3 turn == 12
catch signal SIGUSR1
condition 4 turn == 9
catch signal SIGUSR2
ignore 5 12
commands 2
silent
printf "at getppid in turn %d\n", turn
end
reverse-next
print turn
reverse-continue
print turn
reverse-continue
print turn
ignore 5 0
condition 5 turn < 8
reverse-next 
print turn
reverse-next 
print turn
reverse-next 
print turn
info breakpoints
goto start
continue
print turn
ignore 5 3
continue
print turn
continue
print turn
continue
print turn
continue
print turn
continue
print turn
info breakpoints
