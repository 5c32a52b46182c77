"""Which registers an expression is about, if it is about nothing else."""
for expression in ("$rax", "$sp", "$ah + $r9d", "$rcx == 5 && $rdx != 0x10", "(int)$rsi", "(char *)$rdi + 1", "($rax)",
                   "$rax * $rbx", "-$rax & 0xff", "$rbx > 1 ? $r8 : 3u",
                   "*$rax", "(int)*$rax", "$rax + *(long *)$rsp", "&$rax", "$rip", "$pc", "$xmm0", "$eflags", "counter",
                   "$rax + counter", "$unset", "$_siginfo", "f($rax)", "$rax = 3", "(struct s *)$rax", "$rax.x", "$rax[0]",
                   "5", ""):
    gdb.write("%s: %s\n" % (expression, sorted(_Fred.registers_of(expression))))
