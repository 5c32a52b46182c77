break 16
run
dprintf set,"set %d\n",v
condition 2 v != 2
dprintf get,"read\n"
disable 3
reverse-next 2
echo behind\n
reverse-next 16
