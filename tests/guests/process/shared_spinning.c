// Processes that spin on words which others of the recording write: in anonymous shared memory, in a mapped file,
// and in memory of a file that has been unlinked; a process-shared mutex and a counter under it.
#include <pthread.h>
#include <sys/mman.h>
#include "common.h"

enum { rounds = 300, workers = 3 };

struct table {
  volatile int turn;
  pthread_mutex_t lock;
  long count;
  int order[rounds];
};

/// Parent and child write in turns, each waiting for the other without a system call.
static void ping_pong(struct table* t) {
  t->turn = 0;
  const pid_t child = MUST(fork());
  const int own = child == 0;
  for (int i = 0; i < rounds; i++) {
    while ((t->turn & 1) != own) continue;
    t->order[i] = t->turn * 2 + own;
    t->turn++;
  }
  if (child == 0) _exit(t->turn > rounds ? 0 : 1);
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  CHECK_EQ(t->turn, 2 * rounds);
}

static void count(struct table* t) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&t->lock, &attributes);
  t->count = 0;
  for (int w = 0; w < workers; w++) {
    if (MUST(fork()) != 0) continue;
    for (int i = 0; i < rounds; i++) {
      pthread_mutex_lock(&t->lock);
      const long seen = t->count;
      if (i % 16 == w) sched_yield();
      t->count = seen + 1;
      pthread_mutex_unlock(&t->lock);
    }
    _exit(0);
  }
  for (int w = 0; w < workers; w++) MUST(wait(NULL));
  CHECK_EQ(t->count, workers * rounds);
}


static struct table* map(int fd) {
  if (fd >= 0) MUST(ftruncate(fd, sizeof(struct table)));
  void* at = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
  CHECK(at != MAP_FAILED);
  return at;
}

int main(void) {
  ping_pong(map(-1));
  count(map(-1));
  const int file = MUST(open("shared", O_RDWR | O_CREAT | O_TRUNC, 0600));
  struct table* in_file = map(file);
  ping_pong(in_file);
  count(in_file);
  MUST(unlink("shared"));
  const int memory = MUST(memfd_create("shared", 0));
  struct table* in_memory = map(memory);
  count(in_memory);
  ping_pong(in_memory);
  // The child maps it by itself.
  in_memory->turn = 0;
  const pid_t child = MUST(fork());
  if (child == 0) {
    struct table* own = map(memory);
    while (own->turn == 0) continue;
    own->turn = own->turn == 1 ? 2 : 99;
    _exit(0);
  }
  in_memory->turn = 1;
  while (in_memory->turn == 1) continue;
  CHECK_EQ(in_memory->turn, 2);
  CHECK_EQ(waitpid(child, NULL, 0), child);
  return done();
}
