// The program becomes another: a failing execve of every kind leaves it running, then a script with #!
// takes over, whose interpreter is an ordinary program.
// status: 17
#include "common.h"

static void make(const char* name, const void* text, size_t size, int mode) {
  const int fd = MUST(open(name, O_WRONLY | O_CREAT | O_TRUNC, mode));
  CHECK_EQ(write(fd, text, size), (long)size);
  close(fd);
}

int main(void) {
  char* const arguments[] = {"name", "one", "two words", NULL};
  char* const environment[] = {"PATH=/usr/bin:/bin", "COLOUR=green", NULL};
  CHECK_ERR(execve("/nonexistent", arguments, environment), ENOENT);
  CHECK_ERR(execve("/etc/passwd", arguments, environment), EACCES);
  CHECK_ERR(execve("/tmp", arguments, environment), EACCES);
  CHECK_ERR(execve("/etc/passwd/x", arguments, environment), ENOTDIR);
  make("garbage", "\x01\x02garbage", 9, 0755);
  CHECK_ERR(execve("garbage", arguments, environment), ENOEXEC);
  make("empty", "", 0, 0755);
  CHECK_ERR(execve("empty", arguments, environment), ENOEXEC);
  make("lost", "#!/nonexistent/interpreter\n", 27, 0755);
  CHECK_ERR(execve("lost", arguments, environment), ENOENT);
  CHECK_ERR(execve((char*)16, arguments, environment), EFAULT);
  CHECK_ERR(execve("/bin/true", (char**)16, environment), EFAULT);
  char* huge = malloc(200 << 10);
  memset(huge, 'x', 200 << 10);
  huge[(200 << 10) - 1] = 0;
  char* const too_long[] = {"name", huge, NULL};
  CHECK_ERR(execve("/bin/true", too_long, environment), E2BIG);
  // A file open for writing.
  const int writer = MUST(open("busy", O_WRONLY | O_CREAT, 0755));
  MUST(write(writer, "#!/bin/sh\n", 10));
  CHECK_ERR(execve("busy", arguments, environment), ETXTBSY);
  close(writer);

  static const char script[] =
      "#!/bin/sh -u\necho \"script $0: $# arguments, $2, $COLOUR\"\ntest $$ = \"$1\" || exit 3\nexit 17\n";
  make("script", script, sizeof script - 1, 0755);
  char pid[16];
  snprintf(pid, sizeof pid, "%d", getpid());
  char* const last[] = {"ignored", pid, "two words", NULL};
  puts(failures ? "not ok" : "all refused");
  fflush(stdout);
  if (failures) return 1;
  execve("./script", last, environment);
  puts("FAIL not reached");
  return 1;
}
