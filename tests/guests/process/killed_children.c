// Children that die where they happen to be: killed while they compute, write, fork, execute programs or wait; by
// faults and by signals of their own. What they leave is whole, and the others go on.
#include <pthread.h>
#include <sys/prctl.h>
#include "common.h"

static void compute(void) {
  for (volatile unsigned n = 0;; n++) continue;
}
static void call(void) {
  for (;;) getppid();
}
static void write_on(void) {
  const int fd = open("/dev/null", O_WRONLY);
  char buffer[3000] = "";
  for (;;) write(fd, buffer, sizeof buffer);
}
static void fork_on(void) {
  for (;;) {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (pid > 0) waitpid(pid, NULL, 0);
  }
}
static void execute_on(void) {
  for (;;) {
    const pid_t pid = vfork();
    if (pid == 0) {
      execl("/bin/true", "true", NULL);
      _exit(1);
    }
    waitpid(pid, NULL, 0);
  }
}
static void wait_on(void) {
  for (;;) pause();
}
static void* spin(void* unused) {
  for (;;) sched_yield();
  return unused;
}
static void thread_on(void) {
  for (;;) {
    pthread_t t;
    if (pthread_create(&t, NULL, spin, NULL) != 0) wait_on();
    usleep(500);
  }
}

static void (*const what[])(void) = {compute, call, write_on, fork_on, execute_on, wait_on, thread_on};

static void crash(int how) {
  volatile int zero = 0, one = 1;
  switch (how) {
    case 0:
      *(volatile int*)8 = 1;
      break;
    case 1:
      zero = one / zero;
      break;
    case 2:
      __builtin_trap();
    case 3:
      abort();
    default:
      raise(SIGTERM);
  }
  _exit(0);
}

int main(void) {
  MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
  int status;
  for (unsigned i = 0; i < sizeof what / sizeof *what; i++) {
    for (int after = 0; after < 3; after++) {
      const pid_t pid = MUST(fork());
      if (pid == 0) what[i]();
      usleep(after * after * 3000);
      MUST(kill(pid, SIGKILL));
      CHECK_EQ(waitpid(pid, &status, 0), pid);
      CHECK_EQ(status, SIGKILL);
      // Their own children end by themselves, and one may just have been made by the last vfork.
      while (waitpid(-1, &status, 0) > 0) continue;
    }
  }
  static const int deaths[] = {SIGSEGV, SIGFPE, SIGILL, SIGABRT, SIGTERM};
  for (int how = 0; how < 5; how++) {
    const pid_t pid = MUST(fork());
    if (pid == 0) crash(how);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), deaths[how]);
  }
  return done();
}
