// build: -pthread -lrt
// What processes share by name or by number: shm_open, sem_open, System V memory and semaphores with SEM_UNDO, message
// queues, and eventfds, timerfds and signalfds that were made before a fork.
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include "common.h"

enum { rounds = 50 };

static void ended_well(int children) {
  int status;
  for (int i = 0; i < children; i++) {
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
  }
}

static void posix_names(void) {
  char memory_name[40], one_name[40], other_name[40];
  sprintf(memory_name, "/guest-memory-%d", getpid());
  sprintf(one_name, "/guest-one-%d", getpid());
  sprintf(other_name, "/guest-other-%d", getpid());
  const int fd = MUST(shm_open(memory_name, O_RDWR | O_CREAT | O_EXCL, 0600));
  MUST(ftruncate(fd, 8192));
  int* shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  sem_t *one = sem_open(one_name, O_CREAT | O_EXCL, 0600, 0), *other = sem_open(other_name, O_CREAT | O_EXCL, 0600, 0);
  CHECK(one != SEM_FAILED && other != SEM_FAILED);
  if (MUST(fork()) == 0) {
    // It opens all of it again, as a program of its own would.
    const int own = shm_open(memory_name, O_RDWR, 0);
    int* at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
    sem_t *waits = sem_open(one_name, 0), *posts = sem_open(other_name, 0);
    for (int i = 0; i < rounds; i++) {
      if (sem_wait(waits) != 0) _exit(1);
      at[1024 + i] = at[i] * 2;
      if (sem_post(posts) != 0) _exit(2);
    }
    _exit(0);
  }
  for (int i = 0; i < rounds; i++) {
    shared[i] = i + 7;
    CHECK_EQ(sem_post(one), 0);
    CHECK_EQ(sem_wait(other), 0);
    CHECK_EQ(shared[1024 + i], 2 * (i + 7));
  }
  ended_well(1);
  struct timespec past = {0, 0};
  CHECK_ERR(sem_timedwait(one, &past), ETIMEDOUT);
  MUST(shm_unlink(memory_name));
  MUST(sem_unlink(one_name));
  MUST(sem_unlink(other_name));
}

static void change(int set, unsigned short number, short by, short flags) {
  struct sembuf operation = {number, by, flags};
  while (semop(set, &operation, 1) != 0) {
    if (errno != EINTR) _exit(9);
  }
}

static void system_v(void) {
  const int memory = MUST(shmget(IPC_PRIVATE, 3 * 4096, IPC_CREAT | 0600));
  const int set = MUST(semget(IPC_PRIVATE, 2, IPC_CREAT | 0600));
  MUST(semctl(set, 0, SETVAL, 1));
  MUST(semctl(set, 1, SETVAL, 0));
  long* count = shmat(memory, NULL, 0);
  CHECK(count != (void*)-1);
  for (int w = 0; w < 3; w++) {
    if (MUST(fork()) != 0) continue;
    long* own = w == 0 ? count : shmat(memory, NULL, 0);  // some at an address of their own
    for (int i = 0; i < rounds; i++) {
      change(set, 0, -1, SEM_UNDO);
      const long seen = own[600];
      if (i % 8 == 0) sched_yield();
      own[600] = seen + 1;
      if (i + 1 < rounds) change(set, 0, 1, SEM_UNDO);
    }
    change(set, 1, 1, 0);
    _exit(0);  // the lock is held: its end gives it back
  }
  change(set, 1, -3, 0);
  ended_well(3);
  CHECK_EQ(count[600], 3 * rounds);
  CHECK_EQ(semctl(set, 0, GETVAL), 1);
  struct shmid_ds about;
  MUST(shmctl(memory, IPC_STAT, &about));
  CHECK_EQ(about.shm_nattch, 1);
  MUST(shmdt(count));
  MUST(shmctl(memory, IPC_RMID, NULL));
  MUST(semctl(set, 0, IPC_RMID));
}

static void queues(void) {
  const int queue = MUST(msgget(IPC_PRIVATE, IPC_CREAT | 0600));
  struct {
    long type;
    int value;
  } m;
  if (MUST(fork()) == 0) {
    for (int i = 0; i < rounds; i++) {
      if (msgrcv(queue, &m, sizeof m.value, 1, 0) < 0) _exit(1);
      m.type = 2;
      m.value++;
      if (msgsnd(queue, &m, sizeof m.value, 0) != 0) _exit(2);
    }
    _exit(0);
  }
  for (int i = 0; i < rounds; i++) {
    m.type = 1;
    m.value = i;
    MUST(msgsnd(queue, &m, sizeof m.value, 0));
    MUST(msgrcv(queue, &m, sizeof m.value, 2, 0));
    CHECK_EQ(m.value, i + 1);
  }
  ended_well(1);
  MUST(msgctl(queue, IPC_RMID, NULL));
}

static void counters(void) {
  const int there = MUST(eventfd(0, EFD_SEMAPHORE)), back = MUST(eventfd(0, 0));
  if (MUST(fork()) == 0) {
    for (int i = 0; i < rounds; i++) {
      eventfd_t v;
      if (eventfd_read(there, &v) != 0 || v != 1 || eventfd_write(back, (eventfd_t)i + 1) != 0) _exit(1);
    }
    _exit(0);
  }
  MUST(eventfd_write(there, rounds));
  ended_well(1);
  eventfd_t sum = 0;
  MUST(eventfd_read(back, &sum));
  CHECK_EQ(sum, rounds * (rounds + 1) / 2);
}

/// vfork and posix_spawn where memory is shared: what is executed opens it by its name, and a vfork child writes to it.
static void executed(const char* self) {
  char name[40];
  sprintf(name, "/guest-executed-%d", getpid());
  const int fd = MUST(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
  MUST(ftruncate(fd, 4096));
  volatile int* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  for (int way = 0; way < 2; way++) {
    char* args[] = {"shared_objects", name, NULL};
    const int before = shared[0];
    pid_t pid;
    if (way == 0) {
      CHECK_EQ(posix_spawn(&pid, self, NULL, NULL, args, NULL), 0);
    } else {
      pid = vfork();
      if (pid == 0) {
        shared[1]++;
        execv(self, args);
        _exit(1);
      }
    }
    shared[2] = 1;  // it waits for that
    ended_well(1);
    CHECK_EQ(shared[0], before + 1);
    CHECK_EQ(shared[2], 0);
  }
  CHECK_EQ(shared[1], 1);
  MUST(shm_unlink(name));
}

static int executed_one(const char* name) {
  const int fd = shm_open(name, O_RDWR, 0);
  if (fd < 0) return 1;
  volatile int* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  shared[0]++;
  while (shared[2] == 0) continue;
  shared[2] = 0;
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2) return executed_one(argv[1]);
  posix_names();
  executed(argv[0]);
  system_v();
  queues();
  counters();
  return done();
}
