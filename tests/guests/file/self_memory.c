// Memory through /proc/self/mem and process_vm_readv: the same bytes as by a load; writing to code.
#include <sys/uio.h>
#include "code/jit.h"

int main(void) {
  const int fd = MUST(open("/proc/self/mem", O_RDWR));
  u64 value = 0x1122334455667788, copy = 0;
  CHECK_EQ(pread(fd, &copy, 8, (off_t)(uintptr_t)&value), 8);
  CHECK_EQ(copy, value);
  const u64 other = 42;
  CHECK_EQ(pwrite(fd, &other, 8, (off_t)(uintptr_t)&value), 8);
  CHECK_EQ(*(volatile u64*)&value, 42);
  // Code that has run already, on a page that may not be written by stores.
  u8* page = map_pages(1, RWX);
  put_constant(page, 5);
  MUST(mprotect(page, 4096, RX));
  CHECK_EQ(call_code(page, 0), 5);
  const int changed = 6;
  CHECK_EQ(pwrite(fd, &changed, 4, (off_t)(uintptr_t)page + 1), 4);
  CHECK_EQ(call_code(page, 0), 6);
  CHECK_ERR(pread(fd, &copy, 8, 0x10), EIO);

  const struct iovec to = {&copy, 8}, from = {&value, 8};
  CHECK_EQ(process_vm_readv(getpid(), &to, 1, &from, 1, 0), 8);
  CHECK_EQ(copy, 42);
  copy = 99;
  CHECK_EQ(process_vm_writev(getpid(), &to, 1, &from, 1, 0), 8);
  CHECK_EQ(*(volatile u64*)&value, 99);
  const struct iovec bad = {(void*)16, 8};
  CHECK_ERR(process_vm_readv(getpid(), &to, 1, &bad, 1, 0), EFAULT);
  return done();
}
