# A breakpoint whose commands step: they begin where the run that led to it has ended.
break report
commands
silent
next
end
