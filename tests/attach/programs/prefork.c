// build: -D_GNU_SOURCE -O1 -g -pthread
// A server with workers, each of which is replaced after a few jobs, by fork in one of two threads; every other one executes
// this program anew.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { workers = 3, jobs = 500, jobs_of_one = 5 };

struct answer {
  int job, last;
  unsigned long value;
};

/// Takes jobs from 0 and answers to 1.
static int work(void) {
  struct answer a;
  for (int i = 0; i < jobs_of_one && read(0, &a.job, sizeof a.job) == sizeof a.job; i++) {
    a.last = i == jobs_of_one - 1;
    a.value = (unsigned long)a.job;
    for (int j = 0; j < 3000000; j++) a.value = a.value * 6364136223846793005ul + 1;
    if (write(1, &a, sizeof a) != sizeof a) return 1;
  }
  return 0;
}

static int todo[2], done[2];

static void start(int executes) {
  if (fork() != 0) return;
  dup2(todo[0], 0);
  dup2(done[1], 1);
  for (int i = 0; i < 2; i++) close(todo[i]), close(done[i]);
  if (executes) execl("/proc/self/exe", "prefork", "worker", (char*)NULL);
  _exit(work());
}

static void* serve(void* nothing) {
  for (int job = 0; job < jobs; job++) {
    if (write(todo[1], &job, sizeof job) != sizeof job) exit(2);
  }
  int started = 0, failed = 0, status;
  for (; started < workers; started++) start(started % 2);
  unsigned long sum = 0;
  for (int answers = 0; answers < jobs; answers++) {
    struct answer a;
    if (read(done[0], &a, sizeof a) != sizeof a) exit(3);
    sum += a.value ^ (unsigned long)a.job;
    if (!a.last) continue;
    failed += wait(&status) < 0 || status != 0;
    start(started++ % 2);  // mark
  }
  close(todo[1]);
  while (wait(&status) > 0) failed += status != 0;
  printf("%lu %d\n", sum, failed);
  return nothing;
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "worker") == 0) return work();
  if (pipe(todo) != 0 || pipe(done) != 0) return 2;
  puts("serving");
  fflush(stdout);
  pthread_t thread;
  if (pthread_create(&thread, NULL, serve, NULL) != 0 || pthread_join(thread, NULL) != 0) return 4;
  return 6;
}
