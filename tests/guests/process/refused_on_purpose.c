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
// expect: io_uring_enter 38
// expect: io_uring_register 38
// expect: io_destroy 38
// expect: io_getevents 38
// expect: io_submit 38
// expect: io_cancel 38
// expect: io_pgetevents 38
// expect: landlock_add_rule 95
// expect: landlock_restrict_self 95
// expect: iopl 1
// expect: uselib 38
// expect: reboot 1
// expect: init_module 1
// expect: finit_module 1
// expect: delete_module 1
// expect: kexec_load 1
// expect: kexec_file_load 1
// expect: map_shadow_stack 95
// expect: uretprobe 38
// expect: uprobe 38
#include "common.h"

// Where a native kernel would do something, the arguments are such that it does not.
enum { URETPROBE = 335, UPROBE, MAP_SHADOW_STACK = 453, MSEAL = 462 };

static void nothing(int sig, siginfo_t* info, void* context) { (void)sig, (void)info, (void)context; }

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
  show("io_uring_enter", SYS_io_uring_enter, -1, 0, 0);
  show("io_uring_register", SYS_io_uring_register, -1, 0, 0);
  show("io_destroy", SYS_io_destroy, 0, 0, 0);
  show("io_getevents", SYS_io_getevents, 0, 0, 0);
  show("io_submit", SYS_io_submit, 0, 0, 0);
  show("io_cancel", SYS_io_cancel, 0, 0, 0);
  show("io_pgetevents", SYS_io_pgetevents, 0, 0, 0);
  show("landlock_add_rule", SYS_landlock_add_rule, -1, 0, 0);
  show("landlock_restrict_self", SYS_landlock_restrict_self, -1, -1, 0);
  show("iopl", SYS_iopl, 77, 0, 0);
  show("uselib", SYS_uselib, 0, 0, 0);
  show("reboot", SYS_reboot, 0, 0, 0);
  show("init_module", SYS_init_module, 0, 0, 0);
  show("finit_module", SYS_finit_module, -1, 0, 0);
  show("delete_module", SYS_delete_module, 0, 0, 0);
  show("kexec_load", SYS_kexec_load, 0, 9999, 0);
  show("kexec_file_load", SYS_kexec_file_load, -1, -1, 0);
  show("map_shadow_stack", MAP_SHADOW_STACK, 1, 1, 0);
  on_signal(SIGILL, nothing, 0);  // what the kernel answers to these two outside a probe
  show("uretprobe", URETPROBE, 0, 0, 0);
  show("uprobe", UPROBE, 0, 0, 0);
  return 0;
}
