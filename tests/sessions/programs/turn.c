// build: -O0 -g
// Two processes that share a word: one waits until the other has written it.
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int* word;

int main(void) {
  word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (word == MAP_FAILED) return 1;
  if (fork() == 0) {
    while (*word != 1) continue;
    *word = 2;
    _exit(0);
  }
  *word = 1;
  while (*word != 2) continue;
  wait(NULL);
  puts("done");
  return 0;
}
