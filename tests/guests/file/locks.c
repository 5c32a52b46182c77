// Record locks, open-file-description locks, flock, leases: taken, refused to a child, given back.
#include <sys/file.h>
#include "common.h"

static int child_tries(int fd, int cmd, struct flock l) {
  const pid_t child = MUST(fork());
  if (child == 0) {
    const int mine = open("f", O_RDWR);
    (void)fd;
    _exit(fcntl(mine, cmd, &l) == 0 ? 0 : errno);
  }
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  return WEXITSTATUS(status);
}

int main(void) {
  const int fd = MUST(open("f", O_RDWR | O_CREAT, 0600));
  struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
  MUST(fcntl(fd, F_SETLK, &l));
  CHECK_EQ(child_tries(fd, F_SETLK, l), EAGAIN);
  struct flock outside = l;
  outside.l_start = 20;
  CHECK_EQ(child_tries(fd, F_SETLK, outside), 0);
  struct flock query = l;
  MUST(fcntl(fd, F_GETLK, &query));
  CHECK_EQ(query.l_type, F_UNLCK);
  const pid_t parent = getpid(), child = MUST(fork());
  if (child == 0) {
    const int mine = open("f", O_RDWR);
    query = l;
    fcntl(mine, F_GETLK, &query);
    _exit(query.l_type == F_WRLCK && query.l_pid == parent && query.l_start == 10 && query.l_len == 10 ? 0 : 1);
  }
  int status;
  waitpid(child, &status, 0);
  CHECK_EQ(WEXITSTATUS(status), 0);
  l.l_type = F_UNLCK;
  MUST(fcntl(fd, F_SETLKW, &l));
  l.l_type = F_WRLCK;
  CHECK_EQ(child_tries(fd, F_SETLK, l), 0);

  const int other = MUST(open("f", O_RDWR));
  MUST(fcntl(fd, F_OFD_SETLK, &l));
  CHECK_ERR(fcntl(other, F_OFD_SETLK, &l), EAGAIN);
  l.l_type = F_UNLCK;
  MUST(fcntl(fd, F_OFD_SETLK, &l));
  MUST(flock(fd, LOCK_EX));
  CHECK_ERR(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
  MUST(flock(fd, LOCK_UN));
  MUST(flock(other, LOCK_SH | LOCK_NB));
  MUST(lockf(fd, F_LOCK, 0));
  MUST(lockf(fd, F_ULOCK, 0));
  close(other);
  CHECK_EQ(fcntl(fd, F_SETOWN, getpid()), 0);
  CHECK_EQ(fcntl(fd, F_GETOWN), getpid());
  CHECK_EQ(fcntl(fd, F_SETSIG, SIGUSR1), 0);
  CHECK_EQ(fcntl(fd, F_GETSIG), SIGUSR1);
  CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
  return done();
}
