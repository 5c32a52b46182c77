// build: -D_GNU_SOURCE -O1
// Programs that cannot be attached to: what argument 1 says is done first, then lines come until standard input ends.
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/filter.h>
#include <unistd.h>

static void occupy(void) {
  const unsigned long places[] = {0x10000, 0x7ff00000, 0x78000000, 0x30000000};
  for (int i = 0; i < 4; i++)
    mmap((void*)places[i], 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static void filter(void) {
  struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
  struct sock_fprog program = {.len = 1, .filter = &allow};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "occupied") == 0) occupy();
  if (strcmp(what, "seccomp") == 0) filter();
  if (strcmp(what, "zombie") == 0 && vfork() == 0) _exit(0);
  printf("ready\n");
  fflush(stdout);
  char byte;
  if (read(0, &byte, 1) != 0) return 1;
  printf("done\n");
  return 4;
}
