// The kernel moves data between descriptors: sendfile, splice, tee, vmsplice, copy_file_range, memfd.
#include <sys/sendfile.h>
#include <sys/uio.h>
#include "common.h"

static char text[20000], back[20000];

int main(void) {
  for (int i = 0; i < 20000; i++) text[i] = 'a' + i % 23;
  const int from = MUST(open("from", O_RDWR | O_CREAT, 0600)), to = MUST(open("to", O_RDWR | O_CREAT, 0600));
  CHECK_EQ(write(from, text, 20000), 20000);
  off_t offset = 100;
  CHECK_EQ(sendfile(to, from, &offset, 500), 500);
  CHECK_EQ(offset, 600);
  MUST(lseek(from, 1000, SEEK_SET));
  CHECK_EQ(sendfile(to, from, NULL, 1 << 20), 19000);
  CHECK_EQ(lseek(from, 0, SEEK_CUR), 20000);
  CHECK_EQ(pread(to, back, 20000, 0), 19500);
  CHECK(memcmp(back, text + 100, 500) == 0 && memcmp(back + 500, text + 1000, 19000) == 0);
  loff_t in = 0, out = 0;
  CHECK_EQ(copy_file_range(from, &in, to, &out, 5000, 0), 5000);
  CHECK(in == 5000 && out == 5000);
  CHECK_EQ(pread(to, back, 5000, 0), 5000);
  CHECK(memcmp(back, text, 5000) == 0);

  int p[2], q[2];
  MUST(pipe(p));
  MUST(pipe2(q, O_CLOEXEC | O_NONBLOCK));
  in = 50;
  CHECK_EQ(splice(from, &in, p[1], NULL, 3000, 0), 3000);
  CHECK_EQ(in, 3050);
  CHECK_EQ(tee(p[0], q[1], 1000, 0), 1000);
  CHECK_EQ(read(p[0], back, 3000), 3000);
  CHECK(memcmp(back, text + 50, 3000) == 0);
  memset(back, 0, sizeof back);
  CHECK_EQ(read(q[0], back, 3000), 1000);
  CHECK(memcmp(back, text + 50, 1000) == 0);
  CHECK_ERR(read(q[0], back, 1), EAGAIN);
  CHECK_ERR(splice(q[0], NULL, to, NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
  const struct iovec vector[] = {{text, 100}, {text + 500, 200}};
  CHECK_EQ(vmsplice(p[1], vector, 2, 0), 300);
  out = 0;
  CHECK_EQ(splice(p[0], NULL, to, &out, 300, 0), 300);
  CHECK_EQ(pread(to, back, 300, 0), 300);
  CHECK(memcmp(back, text, 100) == 0 && memcmp(back + 100, text + 500, 200) == 0);

  const int memory = MUST(memfd_create("m", MFD_ALLOW_SEALING));
  CHECK_EQ(write(memory, text, 4096), 4096);
  CHECK_EQ(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), 0);
  CHECK_EQ(fcntl(memory, F_GET_SEALS), F_SEAL_WRITE | F_SEAL_SHRINK);
  CHECK_ERR(write(memory, "x", 1), EPERM);
  CHECK_ERR(ftruncate(memory, 10), EPERM);
  CHECK_EQ(sendfile(to, memory, &(off_t){0}, 4096), 4096);
  return done();
}
