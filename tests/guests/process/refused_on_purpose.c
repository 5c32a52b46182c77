// Calls that a recorded program cannot have, and the answer that it gets instead: that of a kernel
// without them, without a word to the user.
// expect: io_uring_setup 38
// expect: io_setup 38
// expect: rseq 38
// expect: userfaultfd 38
// expect: perf_event_open 38
// expect: seccomp 38
// expect: modify_ldt 38
// expect: memfd_secret 38
// expect: process_madvise 38
// expect: mseal 38
// expect: ptrace 1
// expect: bpf 1
// expect: ioperm 1
// expect: landlock 95
#include "common.h"

enum { MSEAL = 462 };

static void show(const char* name, long number, long a, long b, long c) {
  errno = 0;
  syscall(number, a, b, c, 0, 0, 0);
  printf("%s %d\n", name, errno);
}

int main(void) {
  show("io_uring_setup", SYS_io_uring_setup, 0, 0, 0);
  show("io_setup", SYS_io_setup, 0, 0, 0);
  show("rseq", SYS_rseq, 0, 0, 0);
  show("userfaultfd", SYS_userfaultfd, -1, 0, 0);
  show("perf_event_open", SYS_perf_event_open, 0, 0, 0);
  show("seccomp", SYS_seccomp, 77, 0, 0);
  show("modify_ldt", SYS_modify_ldt, 77, 0, 0);
  show("memfd_secret", SYS_memfd_secret, -1, 0, 0);
  show("process_madvise", SYS_process_madvise, -1, 0, 0);
  show("mseal", MSEAL, 1, 4096, 77);
  show("ptrace", SYS_ptrace, 77, 0, 0);
  show("bpf", SYS_bpf, -1, 0, 0);
  show("ioperm", SYS_ioperm, -1, 1, 1);
  show("landlock", SYS_landlock_create_ruleset, 0, 0, 77);
  return 0;
}
