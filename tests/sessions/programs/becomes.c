// build: -O0 -g
// Spawns a program, and then becomes one: what its arguments name.
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
int stage;

static void become(char *program) {
  char *args[] = {program, NULL};
  stage = 3;
  execv(program, args);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  char *args[] = {argv[1], NULL};
  pid_t child;
  int status;
  stage = 1;
  if (posix_spawn(&child, argv[1], NULL, NULL, args, environ) != 0) return 1;
  waitpid(child, &status, 0);
  stage = 2;
  become(argv[2]);
  return 1;
}
