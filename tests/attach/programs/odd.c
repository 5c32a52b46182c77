// build: -D_GNU_SOURCE -O1
// Programs that cannot be attached to: what argument 1 says is done first, then two lines come, the second one when
// standard input has ended.
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

/// One that cannot have this is none that cannot be attached to.
static void need(int done) {
  if (done) return;
  puts("unavailable");
  exit(0);
}

static void ring(void) {
  struct io_uring_params p = {};
  const int fd = (int)syscall(SYS_io_uring_setup, 1, &p);
  need(fd >= 0 && mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, IORING_OFF_SQ_RING) != MAP_FAILED);
}

static void ready(void) {
  printf("ready\n");
  fflush(stdout);
}

static void await_end(void) {
  char byte;
  if (read(0, &byte, 1) != 0) _exit(1);
}

static void* go_on(void* unused) {
  (void)unused;
  await_end();
  printf("done\n");
  exit(4);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "occupied") == 0) occupy();
  if (strcmp(what, "seccomp") == 0) filter();
  if (strcmp(what, "zombie") == 0 && vfork() == 0) _exit(0);
  if (strcmp(what, "io_uring") == 0) ring();
  if (strcmp(what, "chroot") == 0) need(chroot(".") == 0);
  if (strcmp(what, "namespace") == 0) {
    need(unshare(CLONE_NEWPID) == 0);
    if (fork() == 0) {
      ready();
      await_end();
      _exit(0);
    }
    wait(NULL);
  } else {
    ready();
  }
  if (strcmp(what, "main_ended") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, go_on, NULL);
    syscall(SYS_exit, 0);
  }
  if (strcmp(what, "vfork") == 0 && vfork() == 0) {
    await_end();
    _exit(0);
  }
  await_end();
  printf("done\n");
  return 4;
}
