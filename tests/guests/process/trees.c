// build: -pthread
// Many processes: twenty forks in a row that each fork, a tree of forks, threads that fork while others compute,
// children that start threads, a chain of forks.
#include <pthread.h>
#include <spawn.h>
#include "common.h"

static int ended_with(pid_t pid) {
  int status;
  if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

static void in_a_row(void) {
  for (int i = 0; i < 20; i++) {
    const pid_t child = MUST(fork());
    if (child == 0) {
      const pid_t grandchild = fork();
      if (grandchild == 0) _exit(i);
      _exit(ended_with(grandchild) + 1);
    }
    CHECK_EQ(ended_with(child), i + 1);
  }
}

/// How many leaves there are below.
static int binary(int depth) {
  if (depth == 0) return 1;
  pid_t both[2];
  for (int i = 0; i < 2; i++) {
    both[i] = fork();
    if (both[i] == 0) _exit(binary(depth - 1));
  }
  return ended_with(both[0]) + ended_with(both[1]);
}

static int chain(int left) {
  if (left == 0) return 0;
  const pid_t child = fork();
  if (child == 0) _exit(chain(left - 1));
  return ended_with(child) + 1;
}

static volatile int going = 1;
static void* compute(void* sum) {
  for (unsigned n = 1; going; n++) *(volatile unsigned*)sum += n;
  return NULL;
}
static void* add(void* sum) {
  __atomic_add_fetch((int*)sum, 5, __ATOMIC_SEQ_CST);
  return NULL;
}
/// Its child has one thread, makes more, and one of them forks as well.
static void* fork_and_wait(void* number) {
  for (int i = 0; i < 3; i++) {
    const pid_t child = MUST(fork());
    if (child == 0) {
      int sum = 0;
      pthread_t threads[3];
      for (int k = 0; k < 3; k++) pthread_create(&threads[k], NULL, add, &sum);
      for (int k = 0; k < 3; k++) pthread_join(threads[k], NULL);
      const pid_t grandchild = fork();
      if (grandchild == 0) _exit(sum);
      _exit(ended_with(grandchild) + (int)(long)number);
    }
    CHECK_EQ(ended_with(child), 15 + (long)number);
  }
  return NULL;
}

static void from_threads(void) {
  pthread_t busy[2], forking[3];
  unsigned sums[2] = {0};
  for (int i = 0; i < 2; i++) pthread_create(&busy[i], NULL, compute, &sums[i]);
  for (long i = 0; i < 3; i++) pthread_create(&forking[i], NULL, fork_and_wait, (void*)i);
  for (int i = 0; i < 3; i++) pthread_join(forking[i], NULL);
  going = 0;
  for (int i = 0; i < 2; i++) pthread_join(busy[i], NULL);
}

int main(int argc, char** argv) {
  if (argc == 2) {  // executed
    from_threads();
    return failures;
  }
  in_a_row();
  CHECK_EQ(binary(4), 16);
  CHECK_EQ(chain(8), 8);
  from_threads();
  going = 1;
  pid_t pid;
  char* args[] = {argv[0], "executed", NULL};
  CHECK_EQ(posix_spawn(&pid, argv[0], NULL, NULL, args, NULL), 0);
  CHECK_EQ(ended_with(pid), 0);
  return done();
}
