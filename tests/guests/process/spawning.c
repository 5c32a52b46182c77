// posix_spawn, vfork and system: programs that exist, that do not, actions on descriptors, and what the
// child changes in memory before it goes.
#include <spawn.h>
#include "common.h"

extern char** environ;

static int spawn_and_wait(const char* path, char* const argv[], const posix_spawn_file_actions_t* actions) {
  pid_t pid;
  const int error = posix_spawn(&pid, path, actions, NULL, argv, environ);
  if (error) return -error;
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  return WEXITSTATUS(status);
}

int main(void) {
  char* const echo[] = {"echo", "spawned", NULL};
  CHECK_EQ(spawn_and_wait("/bin/echo", echo, NULL), 0);
  CHECK_EQ(spawn_and_wait("/nonexistent", echo, NULL), -ENOENT);
  CHECK_EQ(spawn_and_wait("/etc/passwd", echo, NULL), -EACCES);
  CHECK_EQ(spawn_and_wait("/bin/echo/below", echo, NULL), -ENOTDIR);
  char* const fails[] = {"false", NULL};
  CHECK_EQ(spawn_and_wait("/bin/false", fails, NULL), 1);
  pid_t pid;
  CHECK_EQ(posix_spawnp(&pid, "true", NULL, NULL, fails, environ), 0);
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(posix_spawnp(&pid, "no-such-program", NULL, NULL, fails, environ), ENOENT);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "out", O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  CHECK_EQ(spawn_and_wait("/bin/echo", echo, &actions), 0);
  posix_spawn_file_actions_addclose(&actions, 99);
  posix_spawn_file_actions_addopen(&actions, 5, "/nonexistent/file", O_RDONLY, 0);
  CHECK_EQ(spawn_and_wait("/bin/echo", echo, &actions), -ENOENT);
  char text[32] = "";
  const int fd = MUST(open("out", O_RDONLY));
  CHECK_EQ(read(fd, text, 31), 8);
  CHECK(strcmp(text, "spawned\n") == 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  const sigset_t mask = signal_set(SIGUSR1, 0, 0);
  posix_spawnattr_setsigmask(&attributes, &mask);
  CHECK_EQ(posix_spawn(&pid, "/bin/true", NULL, &attributes, fails, environ), 0);
  CHECK_EQ(waitpid(pid, &status, 0), pid);

  // vfork: the child's stores are the parent's, and the parent waits for its end or exec.
  static volatile int shared;
  for (int i = 0; i < 10; i++) {
    shared = i;
    pid = vfork();
    if (pid == 0) {
      shared += 100;
      _exit(3);
    }
    CHECK_EQ(shared, 100 + i);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 3);
  }
  // A session of its own.
  pid = vfork();
  if (pid == 0) {
    const pid_t session = setsid();
    shared = session == getpid() && getsid(0) == session && setsid() == -1 && errno == EPERM;
    _exit(0);
  }
  CHECK_EQ(shared, 1);
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  pid = vfork();
  if (pid == 0) {
    shared = 7;
    execl("/bin/sh", "sh", "-c", "exit 9", NULL);
    _exit(1);
  }
  CHECK_EQ(shared, 7);
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(WEXITSTATUS(status), 9);
  pid = vfork();
  if (pid == 0) {
    execl("/nonexistent", "x", NULL);
    shared = errno;
    _exit(127);
  }
  CHECK_EQ(shared, ENOENT);
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(WEXITSTATUS(status), 127);

  fflush(stdout);
  CHECK_EQ(system("echo from system; exit 4"), 4 << 8);
  CHECK_EQ(system("kill -TERM $$"), SIGTERM);
  CHECK(system(NULL) != 0);
  // The child of system() sees the same environment and directory.
  setenv("GUEST_VARIABLE", "set", 1);
  CHECK_EQ(system("test \"$GUEST_VARIABLE\" = set && test -f out"), 0);
  // Dispositions and descriptors are the program's own in the child.
  signal(SIGTERM, SIG_IGN);
  CHECK_EQ(system("kill -TERM $$; exit 0"), 0);
  fflush(stdout);
  CHECK_EQ(system("ls /proc/self/fd | wc -l"), 0);
  CHECK_EQ(system("test -z \"$LD_PRELOAD\""), 0);
  return done();
}
