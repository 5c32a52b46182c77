// Programs that are executed by children in all the ways: vfork and a script, posix_spawn with file actions and
// attributes, execve in a forked child and by its child in turn, fexecve, programs that are not there or no programs.
#include <sched.h>
#include <spawn.h>
#include "common.h"

extern char** environ;

static void script(const char* name, const char* text) {
  const int fd = MUST(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755));
  MUST(write(fd, text, strlen(text)));
  close(fd);
}

static void ends_with(pid_t pid, int wanted) {
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, wanted);
}

/// What is left of "chain N": each of them is executed by a child of the one before, forked and vforked in turn.
static int chain(int left) {
  printf("%d left\n", left);
  fflush(stdout);
  if (left == 0) return 5;
  char number[12];
  sprintf(number, "%d", left - 1);
  const pid_t pid = left % 2 ? MUST(fork()) : MUST(vfork());
  if (pid == 0) {
    execl("/proc/self/exe", "spawn_forms", "chain", number, NULL);
    _exit(99);
  }
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  return WEXITSTATUS(status);
}

static void file_actions(void) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  int p[2];
  MUST(pipe(p));
  posix_spawn_file_actions_addopen(&actions, 0, "input", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, p[1], 1);
  posix_spawn_file_actions_addclose(&actions, p[0]);
  posix_spawn_file_actions_addclose(&actions, p[1]);
  posix_spawn_file_actions_addchdir_np(&actions, "/");
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const sigset_t mask = signal_set(SIGUSR1, SIGUSR2, 0), defaults = signal_set(SIGINT, 0, 0);
  posix_spawnattr_setsigmask(&attributes, &mask);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  script("input", "from a file\n");
  signal(SIGINT, SIG_IGN);
  char* args[] = {"sh", "-c", "cat; pwd; grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -c1-7,24-", NULL};
  pid_t pid;
  CHECK_EQ(posix_spawn(&pid, "/bin/sh", &actions, &attributes, args, environ), 0);
  signal(SIGINT, SIG_DFL);
  close(p[1]);
  char text[300];
  for (long n; (n = read(p[0], text, sizeof text)) > 0;) printf("%.*s", (int)n, text);
  close(p[0]);
  ends_with(pid, 0);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "chain") == 0) return chain(atoi(argv[2]));
  fflush(stdout);
  script("script", "#!/bin/sh -e\necho script $1 $2\nexec ./other three\n");
  script("other", "#!./script_of_scripts optional argument\n");
  script("script_of_scripts", "#!/bin/echo\n");
  script("no_program", "\177ELF but no more");
  pid_t pid = vfork();
  if (pid == 0) {
    execl("script", "name", "one", "two", NULL);
    _exit(98);
  }
  ends_with(pid, 0);
  CHECK_EQ(chain(5), 5);
  file_actions();

  char* args[] = {"true", NULL};
  CHECK_EQ(posix_spawn(&pid, "/nowhere", NULL, NULL, args, environ), ENOENT);
  CHECK_EQ(posix_spawn(&pid, "no_program", NULL, NULL, args, environ), ENOEXEC);
  CHECK_EQ(posix_spawn(&pid, "/", NULL, NULL, args, environ), EACCES);
  char* none[] = {NULL};
  CHECK_EQ(posix_spawnp(&pid, "true", NULL, NULL, args, none), 0);
  ends_with(pid, 0);
  pid = MUST(fork());
  if (pid == 0) {
    execl("no_program", "x", NULL);
    if (errno != ENOEXEC) _exit(1);
    const int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    char* words[] = {"sh", "-c", "echo by descriptor; exit 7", NULL};
    fexecve(fd, words, none);
    _exit(97);
  }
  ends_with(pid, 7 << 8);
  // A vfork child that comes back to its parent's code many times, and one that is killed.
  for (int i = 0; i < 20; i++) {
    pid = vfork();
    if (pid == 0) {
      if (i % 2) execl("/bin/true", "true", NULL);
      _exit(i);
    }
    ends_with(pid, i % 2 ? 0 : i << 8);
  }
  pid = vfork();
  if (pid == 0) {
    kill(getpid(), SIGKILL);
    _exit(96);
  }
  ends_with(pid, SIGKILL);
  return done();
}
