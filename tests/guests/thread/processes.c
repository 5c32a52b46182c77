// Children of a process with threads: fork in one thread leaves it alone in the child, posix_spawn, system and popen work
// beside running threads, execve ends the others.
// build: -pthread
#include <pthread.h>
#include <spawn.h>
#include "common.h"

extern char** environ;
static volatile int stop;
static volatile long spins;

static void* spin(void* argument) {
  while (!stop) spins++;
  return argument;
}

static void* forks(void* argument) {
  (void)argument;
  for (int i = 0; i < 5; i++) {
    const pid_t child = MUST(fork());
    if (child == 0) {
      const long before = spins;
      for (volatile int j = 0; j < 1000000; j++) {
      }
      _exit(spins == before && syscall(SYS_gettid) == getpid() ? 10 + i : 1);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, (10 + i) << 8);
  }
  return NULL;
}

static void* spawns(void* argument) {
  (void)argument;
  char* args[] = {"sh", "-c", "exit 9", NULL};
  for (int i = 0; i < 3; i++) {
    pid_t child;
    int status;
    CHECK_EQ(posix_spawn(&child, "/bin/sh", NULL, NULL, args, environ), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 9 << 8);
  }
  CHECK_EQ(system("exit 4"), 4 << 8);
  FILE* pipe = popen("echo from a pipe", "r");
  char line[32] = "";
  CHECK(fgets(line, sizeof line, pipe) != NULL && strcmp(line, "from a pipe\n") == 0);
  CHECK_EQ(pclose(pipe), 0);
  return NULL;
}

static void* executes(void* argument) {
  (void)argument;
  execl("/bin/echo", "echo", "executed by a thread", NULL);
  return NULL;
}

int main(void) {
  pthread_t spinner, forker, spawner;
  pthread_create(&spinner, NULL, spin, NULL);
  pthread_create(&forker, NULL, forks, NULL);
  pthread_create(&spawner, NULL, spawns, NULL);
  pthread_join(forker, NULL);
  pthread_join(spawner, NULL);
  if (failures != 0) return done();
  puts("ok");
  fflush(stdout);
  pthread_create(&forker, NULL, executes, NULL);
  pthread_join(spinner, NULL);
  return 1;
}
