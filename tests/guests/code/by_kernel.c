// The kernel writes the code: read, pread, readv, recv, splice's target page, and getcwd into a page
// from which code has run.
#include <sys/socket.h>
#include <sys/uio.h>
#include "code/jit.h"

int main(void) {
  u8* page = map_pages(1, RWX);
  u8 code[8];
  int fds[2], sockets[2];
  MUST(pipe(fds));
  MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
  const int file = MUST(memfd_create("code", 0));
  for (int i = 0; i < 100; i++) {
    put_constant(code, i);
    MUST(write(fds[1], code, 6));
    CHECK_EQ(read(fds[0], page, 6), 6);
    CHECK_EQ(call_code(page, 0), i);
    put_add(code, i);
    CHECK_EQ(pwrite(file, code, 7, 100), 7);
    CHECK_EQ(pread(file, page, 7, 100), 7);
    CHECK_EQ(call_code(page, 5), 5 + i);
    put_constant(code, i * 2);
    MUST(write(fds[1], code, 6));
    const struct iovec parts[] = {{page, 2}, {page + 2, 4}};
    CHECK_EQ(readv(fds[0], parts, 2), 6);
    CHECK_EQ(call_code(page, 0), i * 2);
    put_constant(code, i * 3);
    MUST(send(sockets[0], code, 6, 0));
    CHECK_EQ(recv(sockets[1], page, 6, 0), 6);
    CHECK_EQ(call_code(page, 0), i * 3);
    // Only the data part of the page: the code stays good.
    MUST(write(fds[1], "data", 4));
    CHECK_EQ(read(fds[0], page + 2000, 4), 4);
    CHECK_EQ(call_code(page, 0), i * 3);
    CHECK(memcmp(page + 2000, "data", 4) == 0);
    // A read that fails leaves it alone, too.
    CHECK_ERR(read(-1, page, 6), EBADF);
    CHECK_EQ(call_code(page, 0), i * 3);
  }
  struct stat st;
  MUST(fstat(file, (struct stat*)(page + 1024)));
  MUST(fstat(file, &st));
  CHECK_EQ(((struct stat*)(page + 1024))->st_size, st.st_size);
  return done();
}
