// What glibc and the kernel offer to be told by: timers that start a thread for each expiry (SIGEV_THREAD), timers and
// queued signals for one thread (SIGEV_THREAD_ID, pthread_sigqueue), signals taken by sigwait in another thread, and by
// signalfd in a third.
// build: -pthread
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/signalfd.h>
#include <time.h>
#include "common.h"
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static sem_t told, taken;
static volatile int values, of_thread[2], wrong;
static __thread int own;

static void in_thread(union sigval value) {
  __atomic_add_fetch(&values, value.sival_int, __ATOMIC_SEQ_CST);
  sem_post(&told);
}

static void handler(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  if (info->si_code != SI_TIMER && info->si_code != SI_QUEUE) wrong++;
  of_thread[own] += info->si_value.sival_int;
}

static timer_t timer_with(struct sigevent* event, long first, long interval) {
  timer_t timer;
  MUST(timer_create(CLOCK_MONOTONIC, event, &timer));
  const struct itimerspec when = {{0, interval}, {0, first}};
  MUST(timer_settime(timer, 0, &when, NULL));
  return timer;
}

static void started_for_each(void) {
  struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread};
  for (int i = 1; i <= 5; i++) {
    event.sigev_value.sival_int = i;
    timer_t timer = timer_with(&event, 1000000 * i, 0);
    if (i == 5) {
      for (int n = 0; n < 5; n++) sem_wait(&told);
    }
    (void)timer;
  }
  CHECK_EQ(values, 15);
  event.sigev_value.sival_int = 100;
  timer_t timer = timer_with(&event, 500000, 500000);
  for (int n = 0; n < 10; n++) sem_wait(&told);
  MUST(timer_delete(timer));
  CHECK(values >= 1015);
}

static volatile int ready;
static volatile pid_t tid;
static void* gets_signals(void* argument) {
  own = 1;
  tid = syscall(SYS_gettid);
  ready = 1;
  while (of_thread[1] < 60) {
    if (argument != NULL) usleep(100);
  }
  return NULL;
}

static void for_one_thread(int waits) {
  pthread_t thread;
  ready = of_thread[1] = 0;
  pthread_create(&thread, NULL, gets_signals, waits ? (void*)1 : NULL);
  while (!ready) sched_yield();
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 1};
  event.sigev_notify_thread_id = tid;
  event.sigev_value.sival_int = 10;
  timer_t timer[3];
  for (int i = 0; i < 3; i++) timer[i] = timer_with(&event, 1000000, 0);
  for (int i = 0; i < 3; i++) CHECK_EQ(pthread_sigqueue(thread, SIGRTMIN + 1, (union sigval){.sival_int = 10}), 0);
  CHECK_EQ(pthread_join(thread, NULL), 0);
  for (int i = 0; i < 3; i++) MUST(timer_delete(timer[i]));
  CHECK_EQ(of_thread[1], 60);
  CHECK_EQ(of_thread[0], 0);
}

static void* takes_by_sigwait(void* argument) {
  int signal, sum = 0;
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGTERM);
  do {
    CHECK_EQ(sigwait(&set, &signal), 0);
    sum += signal;
  } while (signal != SIGTERM);
  *(int*)argument = sum;
  return NULL;
}

static void* takes_by_descriptor(void* argument) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR2);
  const int fd = MUST(signalfd(-1, &set, 0));
  struct signalfd_siginfo got;
  int sum = 0;
  while (sum < 10) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    CHECK_EQ(poll(&p, 1, -1), 1);
    CHECK_EQ(read(fd, &got, sizeof got), (long)sizeof got);
    CHECK_EQ(got.ssi_signo, SIGUSR2);
    CHECK_EQ(got.ssi_pid, getpid());
    sum += got.ssi_int;
    sem_post(&taken);
  }
  close(fd);
  *(int*)argument = sum;
  return NULL;
}

static void taken_elsewhere(void) {
  pthread_t thread[2];
  int sums[2] = {0, 0};
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGTERM);
  MUST(sigprocmask(SIG_BLOCK, &set, NULL));
  pthread_create(&thread[0], NULL, takes_by_sigwait, &sums[0]);
  pthread_create(&thread[1], NULL, takes_by_descriptor, &sums[1]);
  for (int i = 1; i <= 4; i++) {
    MUST(sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = i}));
    sem_wait(&taken);
  }
  CHECK_EQ(pthread_kill(thread[0], SIGUSR1), 0);
  CHECK_EQ(pthread_kill(thread[0], SIGTERM), 0);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  CHECK_EQ(sums[0], SIGUSR1 + SIGTERM);
  CHECK_EQ(sums[1], 10);
}

int main(void) {
  sem_init(&told, 0, 0), sem_init(&taken, 0, 0);
  const struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  MUST(sigaction(SIGRTMIN + 1, &action, NULL));
  started_for_each();
  puts("started for each");
  for_one_thread(0);
  for_one_thread(1);
  puts("for one thread");
  taken_elsewhere();
  puts("taken elsewhere");
  CHECK_EQ(wrong, 0);
  return done();
}
