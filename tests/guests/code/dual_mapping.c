// One memfd mapped twice, once to write and once to run, as careful JIT compilers do.
#include "code/jit.h"

int main(void) {
  const int fd = MUST(memfd_create("code", MFD_CLOEXEC));
  MUST(ftruncate(fd, 2 * 4096));
  u8* writable = MUST(mmap(NULL, 8192, RW, MAP_SHARED, fd, 0));
  u8* runnable = MUST(mmap(NULL, 8192, RX, MAP_SHARED, fd, 0));
  for (int i = 0; i < 500; i++) {
    put_constant(writable, i);
    CHECK_EQ(call_code(runnable, 0), i);
    put_add(writable + 4096, i);
    CHECK_EQ(call_code(runnable + 4096, 3), i + 3);
  }
  // Through the file.
  for (int i = 0; i < 20; i++) {
    u8 code[8];
    put_constant(code, -i);
    CHECK_EQ(pwrite(fd, code, 6, 0), 6);
    CHECK_EQ(call_code(runnable, 0), -i);
  }
  // A third view, and one that disappears.
  u8* third = MUST(mmap(NULL, 8192, RWX, MAP_SHARED, fd, 0));
  put_constant(third, 77);
  CHECK_EQ(call_code(runnable, 0), 77);
  CHECK_EQ(call_code(third, 0), 77);
  MUST(munmap(writable, 8192));
  put_constant(third, 78);
  CHECK_EQ(call_code(runnable, 0), 78);
  return done();
}
