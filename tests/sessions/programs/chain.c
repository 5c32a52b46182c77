// build: -O0 -g
// A program that executes itself, and whose child does so as well, and then another program.
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int stage;

static void mark(int now) {
  stage = now;
}

int main(int argc, char** argv) {
  if (argc > 1) {
    mark(strcmp(argv[1], "child") == 0 ? 2 : 4);
    execl("/bin/sleep", "sleep", "0", NULL);
    return 1;
  }
  mark(1);
  if (fork() == 0) {
    execl(argv[0], argv[0], "child", NULL);
    _exit(1);
  }
  wait(NULL);
  mark(3);
  execl(argv[0], argv[0], "again", NULL);
  return 1;
}
