// Code goes and other code comes to the same address: munmap and mmap, MAP_FIXED over it, mremap away
// and back, mprotect of a neighbour.
#include <setjmp.h>
#include "code/jit.h"

static sigjmp_buf out;
static void handler(int sig, siginfo_t* info, void* context) {
  (void)info, (void)context;
  siglongjmp(out, sig);
}

int main(void) {
  on_signal(SIGSEGV, handler, 0);
  u8* area = map_pages(8, RWX);
  u8* page = area + 4096;
  for (int i = 0; i < 100; i++) {
    put_constant(page, i);
    CHECK_EQ(call_code(page, 0), i);
    MUST(munmap(page, 4096));
    const int sig = sigsetjmp(out, 1);
    if (sig == 0) call_code(page, 0);
    CHECK_EQ(sig, SIGSEGV);
    CHECK(mmap(page, 4096, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == page);
    put_constant(page, i + 1);
    CHECK_EQ(call_code(page, 0), i + 1);
    CHECK(mmap(page, 4096, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
    CHECK_EQ(page[0], 0);
    put_add(page, i + 2);
    CHECK_EQ(call_code(page, 1), i + 3);
    // Moved: it works at its new place, and something else at the old one.
    u8* target = area + 4 * 4096;
    CHECK(mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    CHECK_EQ(call_code(target, 1), i + 3);
    CHECK(mmap(page, 4096, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
    put_constant(page, -i);
    CHECK_EQ(call_code(page, 0), -i);
    CHECK_EQ(call_code(target, 1), i + 3);
    put_add(target, 50);
    CHECK_EQ(call_code(target, 1), 51);
    // And back over the other.
    CHECK(mremap(target, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, page) == page);
    CHECK_EQ(call_code(page, 2), 52);
    CHECK(mmap(target, 4096, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == target);
  }
  // A file with code mapped at one address after another file.
  const int fd = MUST(memfd_create("code", 0));
  for (int i = 0; i < 10; i++) {
    u8 code[8] = {0};
    put_constant(code, 1000 + i);
    CHECK_EQ(pwrite(fd, code, sizeof code, i * 4096), sizeof code);
  }
  for (int i = 0; i < 50; i++) {
    CHECK(mmap(page, 4096, RX, MAP_PRIVATE | MAP_FIXED, fd, i % 10 * 4096) == page);
    CHECK_EQ(call_code(page, 0), 1000 + i % 10);
  }
  return done();
}
