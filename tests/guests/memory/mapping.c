// mmap and its relatives: fixed places, replacing, splitting, refusing; contents after each.
#include <sys/resource.h>
#include "common.h"

static int is_mapped(const void* p) {
  unsigned char v;
  return mincore((void*)((uintptr_t)p & ~4095UL), 4096, &v) == 0;
}

int main(void) {
  u8* p = map_pages(10, PROT_READ | PROT_WRITE);
  for (int i = 0; i < 10; i++) p[i * 4096] = (u8)(i + 1);
  // A hole, a new mapping in it, one over everything.
  MUST(munmap(p + 3 * 4096, 2 * 4096));
  CHECK(!is_mapped(p + 3 * 4096) && is_mapped(p + 5 * 4096) && is_mapped(p + 2 * 4096));
  CHECK_EQ(munmap(p + 3 * 4096, 4096), 0);
  CHECK_ERR(munmap(p + 1, 4096), EINVAL);
  CHECK_ERR(munmap(p, 0), EINVAL);
  CHECK(mmap(p + 3 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + 3 * 4096);
  CHECK_EQ(p[3 * 4096], 0);
  CHECK_EQ(p[2 * 4096], 3);
  CHECK(mmap(p + 2 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
  CHECK_EQ(errno, EEXIST);
  CHECK(mmap(p, 10 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
  for (int i = 0; i < 10; i++) CHECK_EQ(p[i * 4096], 0);
  // A hint that is free is taken, one that is not is not.
  MUST(munmap(p + 4096, 4096));
  CHECK(mmap(p + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == p + 4096);
  CHECK(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != p);

  u8* low = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
  CHECK((u64)low < 0x80000000);
  low[5000] = 1;
  CHECK(mmap((void*)0x50000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
        (void*)0x50000000);
  CHECK(mmap((void*)0x200000000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
             0) == (void*)0x200000000000);
  CHECK(mmap((void*)0xc000000000, 1 << 26, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
             0) == (void*)0xc000000000);
  // Refused.
  CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mmap(NULL, 1UL << 48, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED &&
        errno == ENOMEM);
  CHECK(mmap(NULL, ~0UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
  CHECK(mmap((void*)(1UL << 47), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED &&
        errno == ENOMEM);
  CHECK(mmap((void*)1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED &&
        errno == EINVAL);
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED && errno == EBADF);
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK_ERR(mprotect((void*)0x300000000000, 4096, PROT_READ), ENOMEM);
  CHECK_ERR(mprotect(p + 1, 4096, PROT_READ), EINVAL);
  CHECK_EQ(mprotect(p, 0, PROT_READ), 0);
  u8* reserved = MUST(mmap(NULL, 1UL << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  MUST(mprotect(reserved + (1UL << 39), 4096, PROT_READ | PROT_WRITE));
  reserved[1UL << 39] = 5;
  MUST(munmap(reserved, 1UL << 40));
  CHECK(!is_mapped(reserved + (1UL << 39)));

  // mremap: grow in place, move, shrink, to a fixed place, and its refusals.
  u8* m = map_pages(20, PROT_READ | PROT_WRITE);
  MUST(munmap(m + 4 * 4096, 16 * 4096));
  for (int i = 0; i < 4 * 4096; i++) m[i] = (u8)(i % 251);
  CHECK(mremap(m, 4 * 4096, 8 * 4096, 0) == m);
  CHECK_EQ(m[5 * 4096], 0);
  CHECK(mremap(m, 8 * 4096, 2 * 4096, 0) == m);
  CHECK(!is_mapped(m + 2 * 4096));
  CHECK(mmap(m + 2 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == m + 2 * 4096);
  CHECK(mremap(m, 2 * 4096, 6 * 4096, 0) == MAP_FAILED && errno == ENOMEM);
  u8* moved = mremap(m, 2 * 4096, 100 * 4096, MREMAP_MAYMOVE);
  CHECK(moved != MAP_FAILED && moved != m && !is_mapped(m));
  for (int i = 0; i < 2 * 4096; i++)
    if (moved[i] != (u8)(i % 251)) CHECK(0);
  CHECK(mremap((void*)0x300000000000, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);

  // madvise.
  moved[0] = 77;
  MUST(madvise(moved, 4096, MADV_WILLNEED));
  CHECK_EQ(moved[0], 77);
  MUST(madvise(moved, 4096, MADV_DONTNEED));
  CHECK_EQ(moved[0], 0);
  MUST(madvise(moved, 4096, MADV_SEQUENTIAL));
  MUST(madvise(moved, 100 * 4096, MADV_DONTFORK));
  CHECK_ERR(madvise(moved, 4096, 9999), EINVAL);
  CHECK_ERR(madvise((void*)0x300000000000, 4096, MADV_WILLNEED), ENOMEM);
  unsigned char resident[3];
  moved[4096] = 1;
  MUST(mincore(moved, 3 * 4096, resident));
  CHECK_EQ(resident[1] & 1, 1);
  CHECK_EQ(mlock(moved, 4096), 0);
  CHECK_EQ(munlock(moved, 4096), 0);
  CHECK_EQ(mlock2(moved, 4096, MLOCK_ONFAULT), 0);
  CHECK_EQ(munlockall(), 0);
  MUST(msync(moved, 4096, MS_SYNC));

  struct rlimit limit;
  MUST(getrlimit(RLIMIT_AS, &limit));
  CHECK(limit.rlim_cur == RLIM_INFINITY);
  return done();
}
