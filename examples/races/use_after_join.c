// Use after join: main waits for the worker and then gives the job's memory back. The worker's helper, which nobody waits
// for, may still use it. A race: exit status 1.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  long magic;
  long done;
} Job;

enum { magic = 0x10b };

static void* helper(void* argument) {
  Job* job = argument;
  if (job->magic != magic) {
    puts("the job has gone");
    fflush(stdout);
    _exit(1);
  }
  job->done++;
  return NULL;
}

static void* worker(void* job) {
  pthread_t thread;
  pthread_create(&thread, NULL, helper, job);
  pthread_detach(thread);
  for (volatile int i = 0; i < 100000; i++) {
  }  // its own part of the work takes longer than the helper's, mostly
  return NULL;
}

int main(void) {
  pthread_t thread;
  Job* job = malloc(sizeof *job);
  *job = (Job){magic, 0};
  pthread_create(&thread, NULL, worker, job);
  pthread_join(thread, NULL);
  memset(job, 0, sizeof *job);
  free(job);
  pthread_exit(NULL);  // the helper may go on
}
