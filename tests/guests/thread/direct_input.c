// Direct input (O_DIRECT) into aligned memory, beside threads: a database's way. Where the file system has none, nothing
// is checked.
#include <pthread.h>
#include <sys/uio.h>
#include "common.h"

enum { block = 4096, blocks = 8 };

static int fd;

static void check(const u8* p, int first, int count) {
  int wrong = 0;
  for (int i = 0; i < count * block; i++) wrong += p[i] != (u8)(first + i / block);
  CHECK_EQ(wrong, 0);
}

static void* work(void* arg) {
  u8* p = aligned_alloc(block, 4 * block);
  for (int round = 0; round < 20; round++) {
    const int first = (round + (int)(intptr_t)arg) % 4;
    memset(p, 0xff, 4 * block);
    CHECK_EQ(pread(fd, p, 4 * block, first * block), 4 * block);
    check(p, first, 4);
    const struct iovec parts[] = {{p + 2 * block, block}, {p, 2 * block}};
    CHECK_EQ(preadv(fd, parts, 2, first * block), 3 * block);
    check(p + 2 * block, first, 1);
    check(p, first + 1, 2);
  }
  free(p);
  return NULL;
}

int main(void) {
  fd = MUST(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));
  for (int i = 0; i < blocks; i++) {
    u8 bytes[block];
    memset(bytes, i, block);
    CHECK_EQ(write(fd, bytes, block), block);
  }
  MUST(fsync(fd));
  close(fd);
  fd = open("file", O_RDONLY | O_DIRECT);
  if (fd < 0) {
    CHECK_EQ(errno, EINVAL);
    return done();
  }
  pthread_t threads[3];
  for (intptr_t i = 0; i < 3; i++) CHECK_EQ(pthread_create(&threads[i], NULL, work, (void*)i), 0);
  for (int i = 0; i < 3; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
  u8* p = aligned_alloc(block, block);
  CHECK_EQ(read(fd, p, block), block);
  check(p, 0, 1);
  CHECK_EQ(read(fd, p, block), block);
  check(p, 1, 1);
  return done();
}
