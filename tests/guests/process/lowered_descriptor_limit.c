// A daemon's habit: few descriptors for itself, soft and hard limit; then it forks, executes, maps files and goes on. A
// debugger within the process needs descriptors all the same.
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "common.h"

enum { few = 24 };

static u64 limit_of(int what) {
  struct rlimit limit;
  MUST(getrlimit(RLIMIT_NOFILE, &limit));
  return what ? limit.rlim_max : limit.rlim_cur;
}

static int set_limit(u64 soft, u64 hard) {
  const struct rlimit limit = {soft, hard};
  return setrlimit(RLIMIT_NOFILE, &limit);
}

/// How many descriptors can be had.
static int room(void) {
  int got[64], n = 0;
  while (n < 64 && (got[n] = dup(0)) >= 0) n++;
  CHECK(n == 64 || errno == EMFILE);
  for (int i = 0; i < n; i++) close(got[i]);
  return n;
}

static int child(int depth) {
  CHECK_EQ(limit_of(0), few);
  CHECK_EQ(limit_of(1), few);
  const pid_t pid = depth ? MUST(fork()) : 0;
  if (depth && pid == 0) exit(child(depth - 1));
  int status = 0;
  if (depth) MUST(waitpid(pid, &status, 0));
  return failures || status;
}

static int status_of(pid_t pid) {
  int status;
  MUST(waitpid(pid, &status, 0));
  return status;
}

static void* idle(void* turns) {
  for (int i = 0; i < *(int*)turns; i++) usleep(1000);
  return NULL;
}

int main(int argc, char** argv) {
  if (argc > 1) {  // executed with what the parent left
    printf("executed with %llu of %llu\n", limit_of(0), limit_of(1));
    return 0;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  CHECK_EQ(set_limit(few + 1, few), -1);
  MUST(set_limit(few, few));
  const int left = room();
  CHECK(left > 8 && left <= few - 3);
  CHECK_EQ(limit_of(0), few);
  CHECK_EQ(limit_of(1), few);

  for (int i = 0; i < 3; i++) {
    const pid_t pid = MUST(fork());
    if (pid == 0) exit(child(2));
    CHECK_EQ(status_of(pid), 0);
  }
  for (int i = 0; i < 2; i++) {  // an executed child, one that searches
    pid_t pid = MUST(fork());
    if (pid == 0) {
      execl("no-such-program", "no-such-program", NULL);
      execl("/proc/self/exe", argv[0], "executed", NULL);
      _exit(1);
    }
    CHECK_EQ(status_of(pid), 0);
    pid = vfork();
    if (pid == 0) {
      const struct rlimit fewer = {few - 4, few - 4};
      setrlimit(RLIMIT_NOFILE, &fewer);  // its own
      execl("/proc/self/exe", argv[0], "executed", NULL);
      _exit(1);
    }
    CHECK_EQ(status_of(pid), 0);
    CHECK_EQ(limit_of(0), few);
    CHECK_EQ(limit_of(1), few);
  }

  const int fd = MUST(open("mapped", O_RDWR | O_CREAT, 0600));
  MUST(ftruncate(fd, 3 * 4096));
  for (int i = 0; i < 3; i++) {
    volatile u8* p = (u8*)MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, i ? MAP_PRIVATE : MAP_SHARED, fd, i * 4096));
    p[5] = (u8)i;
    CHECK_EQ(p[5], i);
  }
  close(fd);

  pthread_t thread;
  int turns = 60;
  CHECK_EQ(pthread_create(&thread, NULL, idle, &turns), 0);
  idle(&turns);
  CHECK_EQ(pthread_join(thread, NULL), 0);

  MUST(set_limit(few - 2, few));
  CHECK_EQ(room(), left - 2);
  struct rlimit old;
  const struct rlimit back = {few, few};
  MUST(prlimit(getpid(), RLIMIT_NOFILE, &back, &old));
  CHECK_EQ(old.rlim_cur, few - 2);
  CHECK_EQ(old.rlim_max, few);
  CHECK_EQ(room(), left);
  printf("raising: %d\n", set_limit(few, few + 1));  // as privileged
  return done();
}
