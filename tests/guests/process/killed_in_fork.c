// Processes that are killed within fork itself, by the child that they have just made: with CLONE_VFORK the parent comes
// back only when the child has gone. The child's history begins in a call that its parent never came back from.
#include <sched.h>
#include <sys/prctl.h>
#include "common.h"

/// As fork, and the parent stands within the call until the child has gone. Raw: glibc has no such call.
static pid_t fork_and_wait(void) { return (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0); }

static unsigned* shared;  // memory that the processes share, or null

/// Has a child of its own, and one that is a program.
static void live_on(int result) {
  const pid_t own = MUST(fork());
  if (own == 0) _exit(shared != NULL ? (int)__atomic_add_fetch(shared, 1, __ATOMIC_SEQ_CST) : 1);
  int status;
  CHECK_EQ(waitpid(own, &status, 0), own);
  CHECK_EQ(WEXITSTATUS(status), 1);
  const pid_t program = MUST(vfork());
  if (program == 0) {
    execl("/bin/true", "true", NULL);
    _exit(1);
  }
  CHECK_EQ(waitpid(program, &status, 0), program);
  CHECK_EQ(status, 0);
  _exit(failures != 0 ? 1 : result);
}

static void kill_parent(int result) {
  const pid_t parent = getppid();
  MUST(kill(parent, SIGKILL));
  while (getppid() == parent) usleep(200);
  live_on(result);
}

/// The one that forks dies; its child and what that begins are the reaper's.
static void fork_and_die(int result) {
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    for (volatile int i = 0; i < 1000; i++) continue;
    if (fork_and_wait() == 0) kill_parent(result);
    _exit(99);
  }
  int status, ends = 0;
  for (pid_t ended; (ended = wait(&status)) > 0; ends++) {
    if (ended == pid) CHECK_EQ(status, SIGKILL);
    if (ended != pid) CHECK_EQ(WEXITSTATUS(status), result);
  }
  CHECK_EQ(ends, 2);
}

int main(void) {
  MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
  fork_and_die(17);
  shared = (unsigned*)MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  fork_and_die(18);
  return done();
}
