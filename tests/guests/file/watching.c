// inotify: what happens to files is told, in order; and the descriptor with poll.
#include <poll.h>
#include <sys/inotify.h>
#include "common.h"

static void show(int fd, int directory) {
  char buffer[4096] __attribute__((aligned(8)));
  const ssize_t n = read(fd, buffer, sizeof buffer);
  for (ssize_t at = 0; at < n;) {
    const struct inotify_event* e = (const struct inotify_event*)(buffer + at);
    printf("%s %#x %s %d\n", e->wd == directory ? "dir" : "file", e->mask, e->len ? e->name : "-", e->cookie != 0);
    at += (ssize_t)(sizeof *e + e->len);
  }
}

int main(void) {
  MUST(mkdir("d", 0700));
  CHECK(inotify_init() >= 0);
  const int fd = MUST(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  const int d = MUST(inotify_add_watch(fd, "d", IN_ALL_EVENTS));
  char c;
  CHECK_ERR(read(fd, &c, 1), EAGAIN);
  const int f = MUST(open("d/f", O_RDWR | O_CREAT, 0600));
  MUST(write(f, "x", 1));
  MUST(pread(f, &c, 1, 0));
  MUST(close(f));
  struct pollfd p = {fd, POLLIN, 0};
  CHECK_EQ(poll(&p, 1, 1000), 1);
  show(fd, d);
  const int file = MUST(inotify_add_watch(fd, "d/f", IN_DELETE_SELF | IN_ATTRIB | IN_MOVE_SELF));
  MUST(rename("d/f", "d/g"));
  MUST(chmod("d/g", 0644));
  MUST(unlink("d/g"));
  show(fd, d);
  CHECK_ERR(inotify_rm_watch(fd, file), EINVAL);
  MUST(inotify_rm_watch(fd, d));
  show(fd, d);
  CHECK_ERR(inotify_add_watch(fd, "missing", IN_ALL_EVENTS), ENOENT);
  return done();
}
