// The latest system calls, by number. What an older kernel does not have, it has neither natively.
#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/xattr.h>
#include "common.h"

enum { FCHMODAT2 = 452, CACHESTAT = 451, SETXATTRAT = 463, GETXATTRAT, LISTXATTRAT, REMOVEXATTRAT, FILE_GETATTR = 468 };

static long quiet(long number, long a, long b, long c, long d, long e, long f) {
  const long result = syscall(number, a, b, c, d, e, f);
  return result == -1 ? -errno : result;
}

int main(void) {
  char buffer[256];
  const int fd = MUST(open("f", O_RDWR | O_CREAT, 0600));
  MUST(write(fd, "text", 4));
  struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_SYMLINKS};
  const int opened = MUST((int)syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof how));
  CHECK_EQ(read(opened, buffer, 10), 4);
  MUST(symlink("f", "l"));
  CHECK_ERR(syscall(SYS_openat2, AT_FDCWD, "l", &how, sizeof how), ELOOP);
  how.resolve = RESOLVE_BENEATH;
  CHECK_ERR(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof how), EXDEV);
  CHECK_ERR(syscall(SYS_openat2, AT_FDCWD, "f", &how, 3), EINVAL);
  MUST(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS));
  printf("fchmodat2 %ld\n", quiet(FCHMODAT2, AT_FDCWD, (long)"f", 0640, 0, 0, 0));
  struct stat st;
  MUST(stat("f", &st));
  printf("%o\n", st.st_mode);

  const int epoll = MUST(epoll_create1(0));
  struct epoll_event event = {EPOLLIN, {.fd = 7}};
  const struct timespec moment = {0, 1000000};
  printf("epoll_pwait2 %ld\n", quiet(441, epoll, (long)&event, 1, (long)&moment, 0, 0));

  struct {
    u64 offset, length;
  } range = {0, 4096};
  u64 pages[5] = {0};
  printf("cachestat %ld\n", quiet(CACHESTAT, fd, (long)&range, (long)pages, 0, 0, 0));
  CHECK(pages[0] <= 1);
  struct {
    u64 value;
    unsigned size, flags;
  } value = {(u64)(uintptr_t) "green", 5, 0};
  printf("setxattrat %ld\n",
         quiet(SETXATTRAT, AT_FDCWD, (long)"f", 0, (long)"user.colour", (long)&value, sizeof value));
  value.value = (u64)(uintptr_t)buffer, value.size = sizeof buffer;
  const long n = quiet(GETXATTRAT, AT_FDCWD, (long)"f", 0, (long)"user.colour", (long)&value, sizeof value);
  printf("getxattrat %ld %.*s\n", n, n > 0 ? (int)n : 0, buffer);
  const long names = quiet(LISTXATTRAT, AT_FDCWD, (long)"f", 0, (long)buffer, sizeof buffer, 0);
  printf("listxattrat %ld\n", names);
  printf("removexattrat %ld\n", quiet(REMOVEXATTRAT, AT_FDCWD, (long)"f", 0, (long)"user.colour", 0, 0));
  u64 attributes[4] = {0};
  printf("file_getattr %ld\n", quiet(FILE_GETATTR, AT_FDCWD, (long)"f", (long)attributes, 24, 0, 0));
  printf("file_setattr %ld\n", quiet(FILE_GETATTR + 1, AT_FDCWD, (long)"missing", (long)attributes, 24, 0, 0));
  printf("file_setattr %ld\n", quiet(FILE_GETATTR + 1, AT_FDCWD, (long)"f", (long)attributes, 24, 0, 0));

  struct {
    struct file_handle h;
    u8 bytes[128];
  } handle = {.h = {.handle_bytes = 128}};
  int mount_id = -1;
  const long handled = quiet(SYS_name_to_handle_at, AT_FDCWD, (long)"f", (long)&handle, (long)&mount_id, 0, 0);
  CHECK(handled == 0 || handled == -EOPNOTSUPP);
  if (handled == 0) {
    CHECK(handle.h.handle_bytes > 0 && mount_id >= 0);
    const long by_handle = quiet(SYS_open_by_handle_at, AT_FDCWD, (long)&handle, O_RDONLY, 0, 0, 0);
    CHECK(by_handle >= 0 ? read((int)by_handle, buffer, 10) == 4 : by_handle == -EPERM);  // only root may
  }
  handle.h.handle_bytes = 9999;
  printf("open_by_handle_at %d\n", quiet(SYS_open_by_handle_at, AT_FDCWD, (long)&handle, 0, 0, 0, 0) < 0);

  // The futex calls of version 2.
  unsigned word = 5;
  printf("futex_wake %ld\n", quiet(454, (long)&word, 0xffffffffL, 1, 2, 0, 0));
  printf("futex_wait %ld\n", quiet(455, (long)&word, 6, 0xffffffffL, 2, 0, 0));
  struct {
    u64 value, address;
    unsigned flags, reserved;
  } waiters[2] = {{6, (u64)(uintptr_t)&word, 2, 0}, {5, (u64)(uintptr_t)&word, 2, 0}};
  printf("futex_waitv %ld\n", quiet(449, (long)waiters, 2, 0, 0, 1, 0));
  printf("futex_requeue %ld\n", quiet(456, (long)waiters, 0, 1, 1, 0, 0));
  const int pid = MUST((int)syscall(SYS_pidfd_open, getpid(), 0));
  const long copy = quiet(SYS_pidfd_getfd, pid, fd, 0, 0, 0, 0);
  CHECK(copy >= 0 ? lseek((int)copy, 0, SEEK_CUR) == 4 : copy == -EPERM);
  printf("process_mrelease %ld\n", quiet(SYS_process_mrelease, -1, 0, 0, 0, 0, 0));
  printf("kcmp %ld\n", quiet(SYS_kcmp, getpid(), getpid(), 0, fd, fd, 0));
  printf("kcmp %d\n", quiet(SYS_kcmp, getpid(), getpid(), 0, fd, opened, 0) != 0);
  return done();
}
