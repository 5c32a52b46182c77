// The first generation of system calls, which libraries no longer use, by number.
#include <dirent.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/time.h>
#include <time.h>
#include <utime.h>
#include "common.h"

int main(void) {
  char buffer[2048];
  const int fd = MUST((int)syscall(SYS_open, "f", O_RDWR | O_CREAT, 0600));
  CHECK_EQ(write(fd, "text", 4), 4);
  struct stat st;
  MUST(syscall(SYS_fstat, fd, &st));
  CHECK_EQ(st.st_size, 4);
  MUST(syscall(SYS_stat, "f", &st));
  MUST(syscall(SYS_access, "f", R_OK));
  MUST(syscall(SYS_faccessat, AT_FDCWD, "f", W_OK));
  MUST(syscall(SYS_mknod, "node", S_IFREG | 0600, 0));
  const struct utimbuf times = {1000, 2000};
  MUST(syscall(SYS_utime, "f", &times));
  const struct timeval exact[] = {{3000, 4}, {5000, 6}};
  MUST(syscall(SYS_utimes, "f", exact));
  MUST(syscall(SYS_stat, "f", &st));
  CHECK(st.st_mtim.tv_sec == 5000 && st.st_mtim.tv_nsec == 6000);
  const int d = MUST(open(".", O_RDONLY | O_DIRECTORY));
  int entries = 0;
  for (long n; (n = MUST(syscall(SYS_getdents, d, buffer, sizeof buffer))) > 0;)
    for (long at = 0; at < n; at += *(unsigned short*)(buffer + at + 16)) entries++;
  CHECK_EQ(entries, 4);
  struct {
    int free_blocks;
    unsigned long free_inodes;
    char names[12];
  } u;
  const long has_ustat = syscall(SYS_ustat, st.st_dev, &u);
  CHECK(has_ustat == 0 || errno == ENOSYS || errno == EINVAL);
  CHECK(syscall(SYS_sysfs, 3) > 3 || errno == ENOSYS);

  int p[2];
  MUST(syscall(SYS_pipe, p));
  MUST(write(p[1], "x", 1));
  fd_set set;
  FD_ZERO(&set);
  FD_SET(p[0], &set);
  struct timeval limit = {1, 0};
  CHECK_EQ(syscall(SYS_select, p[0] + 1, &set, NULL, NULL, &limit), 1);
  CHECK(FD_ISSET(p[0], &set));
  struct pollfd poll_set = {p[0], POLLIN, 0};
  CHECK_EQ(syscall(SYS_poll, &poll_set, 1, 100), 1);
  CHECK_EQ(syscall(SYS_dup2, p[0], 40), 40);
  CHECK(syscall(SYS_eventfd, 7) >= 0);
  const unsigned long mask = 1UL << (SIGUSR1 - 1);
  CHECK(syscall(SYS_signalfd, -1, &mask, 8) >= 0);
  CHECK(syscall(SYS_epoll_create, 1) >= 0);

  struct timeval now;
  MUST(syscall(SYS_gettimeofday, &now, NULL));
  long seconds = 0;
  const long same = MUST(syscall(SYS_time, &seconds));
  CHECK(same == seconds && seconds >= now.tv_sec && seconds <= now.tv_sec + 5);
  unsigned cpu = 9999, node = 9999;
  MUST(syscall(SYS_getcpu, &cpu, &node, NULL));
  CHECK(cpu < 4096 && node < 1024);
  struct rlimit r;
  MUST(syscall(SYS_getrlimit, RLIMIT_NOFILE, &r));
  MUST(syscall(SYS_setrlimit, RLIMIT_NOFILE, &r));
  CHECK_EQ(syscall(SYS_alarm, 0), 0);
  const int sem = MUST(semget(IPC_PRIVATE, 1, 0600));
  struct sembuf up = {0, 2, 0};
  MUST(syscall(SYS_semop, sem, &up, 1));
  CHECK_EQ(semctl(sem, 0, GETVAL), 2);
  MUST(semctl(sem, 0, IPC_RMID));

  fflush(stdout);
  const pid_t child = MUST((pid_t)syscall(SYS_fork));
  if (child == 0) syscall(SYS_exit_group, 21);
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(WEXITSTATUS(status), 21);
  // Two pages of a shared mapping change places.
  MUST(ftruncate(fd, 8192));
  u8* m = MUST(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  m[0] = 1, m[4096] = 2;
  if (syscall(SYS_remap_file_pages, m, 4096, 0, 1, 0) == 0) CHECK_EQ(m[0], 2);
  CHECK_ERR(syscall(SYS_restart_syscall), EINTR);
  return done();
}
