// Counters in memory that is really shared, written all the time: with a child that has gone, through two mappings of
// one object, and in a file. The addresses are those that snapshots_test knows.
#include <sys/mman.h>
#include <sys/wait.h>
#include "common.h"

static volatile long* map(unsigned long at, int flags, int fd) {
  return MUST(mmap((void*)at, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE | flags, fd, 0));
}

static void count(volatile long* counter) { *counter = *counter * 3 + 1; }

int main(void) {
  char name[] = "/tmp/shared_counters-XXXXXX";
  const int fd = MUST(mkstemp(name));
  unlink(name);
  MUST(ftruncate(fd, 8192));
  volatile long* anonymous = map(0x200000000000, MAP_ANONYMOUS, -1);
  volatile long* file = map(0x200000010000, 0, fd);
  volatile long* again = map(0x200000020000, 0, fd);
  const pid_t child = MUST(fork());
  if (child == 0) _exit(0);
  CHECK_EQ(waitpid(child, NULL, 0), child);
  for (int i = 0; i < 200000; i++) {
    count(anonymous);
    count(i % 2 ? file : again);
  }
  CHECK_EQ(*file, *again);
  CHECK_EQ(*anonymous, *file);
  return done();
}
