// open, read, write, seek, truncate, append, positions, vectors, and their errors.
#include <sys/uio.h>
#include "common.h"

int main(void) {
  char buffer[256];
  const int fd = MUST(open("data", O_RDWR | O_CREAT | O_EXCL, 0640));
  CHECK_ERR(open("data", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
  CHECK_EQ(write(fd, "0123456789", 10), 10);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
  CHECK_EQ(lseek(fd, -4, SEEK_END), 6);
  CHECK_EQ(read(fd, buffer, 100), 4);
  CHECK(memcmp(buffer, "6789", 4) == 0);
  CHECK_EQ(read(fd, buffer, 100), 0);
  CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
  CHECK_EQ(pread(fd, buffer, 3, 2), 3);
  CHECK(memcmp(buffer, "234", 3) == 0);
  CHECK_EQ(pwrite(fd, "ab", 2, 4), 2);
  CHECK_EQ(pread(fd, buffer, 100, 0), 10);
  CHECK(memcmp(buffer, "0123ab6789", 10) == 0);
  const struct iovec out[] = {{"one", 3}, {"", 0}, {"three", 5}};
  CHECK_EQ(writev(fd, out, 3), 8);
  memset(buffer, 0, sizeof buffer);
  const struct iovec in[] = {{buffer, 4}, {buffer + 10, 6}, {buffer + 20, 50}};
  CHECK_EQ(preadv(fd, in, 3, 1), 17);
  CHECK(memcmp(buffer, "123a", 4) == 0 && memcmp(buffer + 10, "b6789o", 6) == 0 &&
        memcmp(buffer + 20, "nethree", 7) == 0);
  CHECK_EQ(pwritev(fd, out, 1, 30), 3);
  CHECK_EQ(preadv2(fd, in, 1, 30, 0), 3);
  CHECK_EQ(pwritev2(fd, out, 1, 40, 0), 3);
  CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
  CHECK_EQ(readv(fd, in, 2), 10);
  MUST(ftruncate(fd, 5));
  CHECK_EQ(lseek(fd, 0, SEEK_END), 5);
  MUST(truncate("data", 8192));
  CHECK_EQ(lseek(fd, 0, SEEK_END), 8192);
  CHECK_EQ(pread(fd, buffer, 10, 0), 10);
  CHECK(memcmp(buffer, "0123a\0\0\0\0\0", 10) == 0);
  MUST(posix_fallocate(fd, 0, 10000));
  MUST(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
  CHECK_EQ(lseek(fd, 0, SEEK_END), 10000);
  MUST(fsync(fd));
  MUST(fdatasync(fd));
  MUST(sync_file_range(fd, 0, 100, SYNC_FILE_RANGE_WRITE));
  CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
  CHECK_EQ(readahead(fd, 0, 4096), 0);
  MUST(syncfs(fd));

  const int append = MUST(openat(AT_FDCWD, "data", O_WRONLY | O_APPEND));
  CHECK_EQ(write(append, "end", 3), 3);
  CHECK_EQ(lseek(append, 0, SEEK_CUR), 10003);
  CHECK_ERR(read(append, buffer, 1), EBADF);
  CHECK_ERR(write(-1, "x", 1), EBADF);
  CHECK_ERR(open("missing", O_RDONLY), ENOENT);
  CHECK_ERR(open("data/below", O_RDONLY), ENOTDIR);
  CHECK_ERR(open(".", O_WRONLY), EISDIR);
  CHECK_ERR(read(fd, (void*)16, 10), EFAULT);
  CHECK_ERR(write(fd, (void*)16, 10), EFAULT);
  CHECK_ERR(open((char*)16, O_RDONLY), EFAULT);
  // A buffer that ends in a page that is not there: what fits is moved.
  u8* edge = map_pages(2, PROT_READ | PROT_WRITE);
  MUST(munmap(edge + 4096, 4096));
  CHECK_EQ(pread(fd, edge + 4090, 100, 0), 6);
  CHECK(memcmp(edge + 4090, "0123a\0", 6) == 0);
  MUST(close(append));
  MUST(close(fd));
  CHECK_ERR(close(fd), EBADF);
  CHECK_EQ(umask(027), 022);
  CHECK_EQ(umask(022), 027);
  const int created = MUST(creat("other", 0600));
  MUST(close(created));
  MUST(unlink("other"));
  CHECK_ERR(unlink("other"), ENOENT);
  const int temporary = open(".", O_TMPFILE | O_RDWR, 0600);
  if (temporary >= 0) CHECK_EQ(write(temporary, "x", 1), 1);
  sync();
  return done();
}
