// A child that shares its parent's memory and runs beside it, or only its descriptors, cannot be made: the program is told
// so, and goes on.
// modes: run verify
// expect: EAGAIN
// expect: EAGAIN too
// expect: ok
// fred-line:
#include <sched.h>
#include <sys/syscall.h>
#include "common.h"

static int body(void* argument) { return *(int*)argument; }

int main(void) {
  static char stack[65536];
  int status = 3;
  const int child = clone(body, stack + sizeof stack, CLONE_VM | SIGCHLD, &status);
  puts(child == -1 && errno == EAGAIN ? "EAGAIN" : "a child");
  if (child > 0) MUST(waitpid(child, &status, 0));
  const long other = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
  if (other == 0) _exit(0);
  puts(other == -1 && errno == EAGAIN ? "EAGAIN too" : "a child");
  if (other > 0) MUST(waitpid((pid_t)other, &status, 0));
  return done();
}
