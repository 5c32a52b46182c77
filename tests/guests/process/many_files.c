// More files that are mapped shared than the engine has descriptors of its own, before and while children are made:
// each child is recorded all the same, and sees and changes what it shares.
#include "common.h"

enum { page = 4096, rounds = 8, files_a_round = 20, kept_a_round = 12 };

static volatile u64* map_new_file(int number) {
  char name[32];
  snprintf(name, sizeof name, "mapped_%d", number);
  const int fd = MUST(open(name, O_RDWR | O_CREAT | O_TRUNC, 0600));
  MUST(ftruncate(fd, page));
  volatile u64* at = MUST(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  MUST(close(fd));
  MUST(unlink(name));
  *at = (u64)number;
  return at;
}

int main(void) {
  volatile u64* kept[rounds * kept_a_round];
  int count = 0;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < files_a_round; i++) {
      volatile u64* at = map_new_file(round * files_a_round + i);
      if (i < kept_a_round) {
        kept[count++] = at;
      } else {
        MUST(munmap((void*)at, page));
      }
    }
    const pid_t child = MUST(fork());
    if (child == 0) {
      for (int i = 0; i < count; i++) *kept[i] += 1000;
      _exit(round);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), round);
    for (int i = 0; i < count; i++) {
      const u64 changes = (u64)(round - i / kept_a_round + 1);
      const u64 number = (u64)(i / kept_a_round * files_a_round + i % kept_a_round);
      CHECK_EQ(*kept[i], number + 1000 * changes);
    }
  }
  return done();
}
