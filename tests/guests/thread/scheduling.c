// What threads ask of the scheduler: affinity of one's own and of another thread, the processor that one runs on,
// policies and priorities, nice values of single threads, membarrier.
// build: -pthread
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include "common.h"

static pthread_barrier_t both;
static pid_t other;
static cpu_set_t allowed;

static void* is_asked(void* argument) {
  other = syscall(SYS_gettid);
  CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
  pthread_barrier_wait(&both);
  pthread_barrier_wait(&both);
  errno = 0;
  CHECK_EQ(getpriority(PRIO_PROCESS, 0), 7);
  cpu_set_t now;
  CHECK_EQ(pthread_getaffinity_np(pthread_self(), sizeof now, &now), 0);
  CHECK_EQ(CPU_COUNT(&now), 1);
  return argument;
}

int main(void) {
  pthread_t thread;
  unsigned cpu = 0, node = 0;
  pthread_barrier_init(&both, NULL, 2);
  CHECK_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  CHECK(CPU_COUNT(&allowed) >= 1);
  CHECK_EQ(getcpu(&cpu, &node), 0);
  CHECK(CPU_ISSET(cpu, &allowed));
  CHECK(sched_getcpu() >= 0);
  const int own = getpriority(PRIO_PROCESS, 0);
  pthread_create(&thread, NULL, is_asked, NULL);
  pthread_barrier_wait(&both);
  CHECK_EQ(getpriority(PRIO_PROCESS, other), 5);
  CHECK_EQ(setpriority(PRIO_PROCESS, other, 7), 0);
  CHECK_EQ(getpriority(PRIO_PROCESS, 0), own);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
    if (CPU_ISSET(i, &allowed)) CPU_SET(i, &one);
  CHECK_EQ(pthread_setaffinity_np(thread, sizeof one, &one), 0);
  CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  CHECK(CPU_ISSET(sched_getcpu(), &one));
  CHECK_EQ(sched_setaffinity(0, sizeof allowed, &allowed), 0);
  CPU_ZERO(&one);
  CHECK_ERR(sched_setaffinity(0, sizeof one, &one), EINVAL);
  struct sched_param parameter = {0};
  int policy;
  CHECK_EQ(pthread_getschedparam(thread, &policy, &parameter), 0);
  CHECK_EQ(policy, SCHED_OTHER);
  CHECK_EQ(parameter.sched_priority, 0);
  CHECK_EQ(pthread_setschedparam(thread, SCHED_BATCH, &parameter), 0);
  CHECK_EQ(sched_getscheduler(other), SCHED_BATCH);
  CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
  parameter.sched_priority = 1;
  CHECK_EQ(pthread_setschedparam(thread, SCHED_OTHER, &parameter), EINVAL);
  CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
  pthread_barrier_wait(&both);
  pthread_join(thread, NULL);
  const int commands = MUST(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0));
  CHECK(commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0), 0);
  CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), 0);
  CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0), 0);
  CHECK_ERR(syscall(SYS_membarrier, 1 << 30, 0, 0), EINVAL);
  return done();
}
