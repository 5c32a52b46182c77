// The turn is kept on one processor (core/threads/home.h), and the program sees nothing of it: threads that have just
// handed it to each other may run where they could before, as system calls and /proc say; so may children, whether by
// fork, vfork or posix_spawn. What the program chooses stays.
// build: -pthread
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include "common.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn, over;
static pid_t other;
static cpu_set_t allowed;
static char allowed_line[1024];

static void* answers(void* argument) {
  other = syscall(SYS_gettid);
  pthread_mutex_lock(&mutex);
  while (!over) {
    if (turn == 1) turn = 0, pthread_cond_signal(&changed);
    pthread_cond_wait(&changed, &mutex);
  }
  pthread_mutex_unlock(&mutex);
  return argument;
}

static void hand_over(int times) {
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < times; i++) {
    turn = 1, pthread_cond_signal(&changed);
    while (turn == 1) pthread_cond_wait(&changed, &mutex);
  }
  pthread_mutex_unlock(&mutex);
}

static void status_line(const char* path, char* line, size_t size) {
  FILE* file = fopen(path, "r");
  CHECK(file != NULL);
  while (fgets(line, size, file) != NULL && strncmp(line, "Cpus_allowed_list:", 18) != 0) {
  }
  fclose(file);
}

static void is_allowed(pid_t id, const cpu_set_t* expected) {
  cpu_set_t now;
  CPU_ZERO(&now);
  CHECK_EQ(sched_getaffinity(id, sizeof now, &now), 0);
  CHECK(CPU_EQUAL(&now, expected));
}

static int status_of(pid_t child) {
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  return status;
}

int main(int argc, char** argv) {
  if (argc == 2) {  // a child that has executed this: how many there are
    CPU_ZERO(&allowed);
    CHECK_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    return CPU_COUNT(&allowed) == atoi(argv[1]) ? 0 : 1;
  }
  CPU_ZERO(&allowed);
  CHECK_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  status_line("/proc/self/status", allowed_line, sizeof allowed_line);
  pthread_t thread;
  pthread_create(&thread, NULL, answers, NULL);
  char count[16];
  snprintf(count, sizeof count, "%d", CPU_COUNT(&allowed));
  for (int round = 0; round < 5; round++) {
    hand_over(50);
    is_allowed(0, &allowed);
    hand_over(50);
    is_allowed(other, &allowed);
    hand_over(50);
    char line[1024] = "";
    status_line("/proc/self/status", line, sizeof line);
    CHECK_EQ(strcmp(line, allowed_line), 0);

    hand_over(50);
    pid_t child = fork();
    if (child == 0) {
      is_allowed(0, &allowed);
      fflush(stdout);
      _exit(failures);
    }
    CHECK_EQ(status_of(child), 0);
    hand_over(50);
    child = vfork();
    if (child == 0) {
      execl("/proc/self/exe", argv[0], count, NULL);
      _exit(2);
    }
    CHECK_EQ(status_of(child), 0);
    hand_over(50);
    char* const words[] = {argv[0], count, NULL};
    CHECK_EQ(posix_spawn(&child, "/proc/self/exe", NULL, NULL, words, environ), 0);
    CHECK_EQ(status_of(child), 0);
  }
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&chosen) == 0; i++) {
    if (CPU_ISSET(i, &allowed)) CPU_SET(i, &chosen);
  }
  CHECK_EQ(sched_setaffinity(other, sizeof chosen, &chosen), 0);
  for (int round = 0; round < 5; round++) {
    hand_over(50);
    is_allowed(0, &allowed);
    is_allowed(other, &chosen);
  }
  pthread_mutex_lock(&mutex);
  over = 1, pthread_cond_signal(&changed);
  pthread_mutex_unlock(&mutex);
  pthread_join(thread, NULL);
  return done();
}
