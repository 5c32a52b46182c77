// Descriptors: numbering, dup in all forms, flags, close_range, limits, and closing everything there is.
// fred-line: the program used
#include <linux/close_range.h>
#include <sys/resource.h>
#include "common.h"

int main(void) {
  // The lowest free number is taken: nothing of anybody else's lies between.
  const int a = MUST(open("/dev/null", O_RDWR));
  CHECK_EQ(a, 3);
  CHECK_EQ(dup(a), 4);
  CHECK_EQ(dup2(a, 10), 10);
  CHECK_EQ(dup2(a, a), a);
  CHECK_EQ(dup3(a, 11, O_CLOEXEC), 11);
  CHECK_ERR(dup3(a, a, 0), EINVAL);
  CHECK_ERR(dup2(a, -1), EBADF);
  CHECK_EQ(fcntl(a, F_DUPFD, 20), 20);
  CHECK_EQ(fcntl(a, F_DUPFD_CLOEXEC, 20), 21);
  CHECK_EQ(fcntl(11, F_GETFD), FD_CLOEXEC);
  CHECK_EQ(fcntl(a, F_GETFD), 0);
  CHECK_EQ(fcntl(a, F_SETFD, FD_CLOEXEC), 0);
  CHECK_EQ(fcntl(a, F_GETFD), FD_CLOEXEC);
  CHECK_EQ(fcntl(a, F_GETFL) & O_ACCMODE, O_RDWR);
  CHECK_EQ(fcntl(a, F_SETFL, O_NONBLOCK | O_APPEND), 0);
  CHECK_EQ(fcntl(4, F_GETFL) & (O_NONBLOCK | O_APPEND), O_NONBLOCK | O_APPEND);
  CHECK_ERR(fcntl(a, 9999), EINVAL);
  CHECK_ERR(fcntl(99, F_GETFD), EBADF);

  // Only what the program opened is there.
  int open_count = 0;
  for (int i = 0; i < 1024; i++) open_count += fcntl(i, F_GETFD) != -1;
  CHECK_EQ(open_count, 3 + 6);
  struct rlimit limit;
  MUST(getrlimit(RLIMIT_NOFILE, &limit));
  CHECK(limit.rlim_cur >= 256);
  CHECK_ERR(dup2(a, (int)limit.rlim_cur), EBADF);
  const int highest = (int)(limit.rlim_cur < 100000 ? limit.rlim_cur : 100000) - 1;
  CHECK_EQ(dup2(a, highest), highest);
  CHECK_EQ(write(highest, "x", 1), 1);
  MUST(close(highest));
  const struct rlimit small = {30, limit.rlim_max};
  MUST(setrlimit(RLIMIT_NOFILE, &small));
  int opened = 0, fd;
  while ((fd = dup(a)) >= 0) opened++;
  CHECK_EQ(errno, EMFILE);
  CHECK_EQ(opened, 30 - 9);
  MUST(setrlimit(RLIMIT_NOFILE, &limit));

  CHECK_EQ(close_range(20, 25, 0), 0);
  CHECK_ERR(fcntl(22, F_GETFD), EBADF);
  CHECK_EQ(close_range(5, 1000, CLOSE_RANGE_CLOEXEC), 0);
  CHECK_EQ(fcntl(10, F_GETFD), FD_CLOEXEC);
  CHECK_ERR(close_range(10, 5, 0), EINVAL);
  const int out = MUST(dup(1));
  MUST(dup2(out, 700));
  for (int i = 3; i < 2000; i++)
    if (i != 700) close(i);
  for (int i = 3; i < 2000; i++)
    if (i != 700) CHECK_ERR(close(i), EBADF);
  CHECK_EQ(dup2(700, 1), 1);
  puts("still here");
  fflush(stdout);
  // Everything: system calls go on, output is gone.
  MUST(dup2(1, 800));
  CHECK_EQ(close_range(3, ~0U, 0), 0);
  CHECK_ERR(write(800, "lost", 4), EBADF);
  CHECK_EQ(MUST(open("/dev/null", O_RDONLY)), 3);
  CHECK_EQ(write(1, "end\n", 4), 4);
  MUST(close(0));
  CHECK_EQ(MUST(open("/dev/null", O_RDONLY)), 0);
  const int result = done();
  fflush(stdout);
  close(1), close(2), close(0);
  return result;
}
