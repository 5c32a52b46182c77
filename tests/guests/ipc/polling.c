// poll, ppoll, select, pselect, epoll in its forms, on pipes, sockets, eventfd and timerfd.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include "common.h"

int main(void) {
  int p[2], closed[2];
  MUST(pipe(p));
  MUST(pipe(closed));
  close(closed[1]);
  const int event = MUST(eventfd(3, EFD_NONBLOCK));
  // A low number that is not open: select looks no further than the kernel's table of descriptors, which is as long as
  // the parent's was.
  const int absent = MUST(dup(p[0]));
  close(absent);
  struct pollfd set[] = {{p[0], POLLIN, 0},   {p[1], POLLOUT, 0}, {closed[0], POLLIN, 0}, {event, POLLIN | POLLOUT, 0},
                         {absent, POLLIN, 0}, {-1, POLLIN, 7}};
  CHECK_EQ(poll(set, 6, 0), 4);
  for (int i = 0; i < 6; i++) printf("%#x ", set[i].revents);
  puts("");
  MUST(write(p[1], "x", 1));
  const struct timespec moment = {0, 1000000};
  sigset_t none;
  sigemptyset(&none);
  CHECK_EQ(ppoll(set, 1, &moment, &none), 1);
  CHECK_EQ(set[0].revents, POLLIN);
  char c;
  MUST(read(p[0], &c, 1));
  CHECK_EQ(poll(set, 1, 5), 0);

  fd_set r, w, e;
  FD_ZERO(&r);
  FD_ZERO(&w);
  FD_ZERO(&e);
  FD_SET(p[0], &r), FD_SET(event, &r), FD_SET(p[1], &w), FD_SET(p[0], &e);
  struct timeval tv = {0, 1000};
  CHECK_EQ(select(20, &r, &w, &e, &tv), 2);
  CHECK(!FD_ISSET(p[0], &r) && FD_ISSET(event, &r) && FD_ISSET(p[1], &w) && !FD_ISSET(p[0], &e));
  FD_ZERO(&r);
  FD_SET(p[0], &r);
  CHECK_EQ(pselect(20, &r, NULL, NULL, &moment, &none), 0);
  CHECK(!FD_ISSET(p[0], &r));
  FD_SET(absent, &r);
  CHECK_ERR(select(absent + 1, &r, NULL, NULL, &tv), EBADF);
  tv = (struct timeval){0, 3000};
  CHECK_EQ(select(0, NULL, NULL, NULL, &tv), 0);
  CHECK(tv.tv_sec == 0 && tv.tv_usec == 0);

  u64 value;
  CHECK_EQ(read(event, &value, 8), 8);
  CHECK_EQ(value, 3);
  CHECK_ERR(read(event, &value, 8), EAGAIN);
  CHECK_ERR(read(event, &value, 4), EINVAL);
  value = 5;
  CHECK_EQ(write(event, &value, 8), 8);
  const int semaphore = MUST(eventfd(2, EFD_SEMAPHORE | EFD_CLOEXEC));
  CHECK_EQ(read(semaphore, &value, 8), 8);
  CHECK_EQ(value, 1);

  const int epoll = MUST(epoll_create1(EPOLL_CLOEXEC));
  CHECK(epoll_create(1) >= 0);
  struct epoll_event in = {EPOLLIN, {.u64 = 0x1111222233334444}}, out[8];
  MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &in));
  CHECK_ERR(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &in), EEXIST);
  in.data.u64 = 2;
  MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &in));
  CHECK_EQ(epoll_wait(epoll, out, 8, 0), 1);
  CHECK_EQ(out[0].data.u64, 2);
  MUST(write(p[1], "y", 1));
  CHECK_EQ(epoll_pwait(epoll, out, 8, 100, &none), 2);
  CHECK_EQ(epoll_wait(epoll, out, 1, 100), 1);
  in.events = EPOLLIN | EPOLLET | EPOLLONESHOT, in.data.u64 = 9;
  MUST(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &in));
  MUST(epoll_ctl(epoll, EPOLL_CTL_DEL, event, NULL));
  CHECK_EQ(epoll_wait(epoll, out, 8, 100), 1);
  CHECK_EQ(out[0].data.u64, 9);
  CHECK_EQ(epoll_wait(epoll, out, 8, 1), 0);
  CHECK_ERR(epoll_wait(epoll, out, 0, 1), EINVAL);
  CHECK_ERR(epoll_ctl(epoll, EPOLL_CTL_DEL, event, NULL), ENOENT);

  const int timer = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  const struct itimerspec every = {{0, 2000000}, {0, 1000000}};
  struct itimerspec old, now;
  MUST(timerfd_settime(timer, 0, &every, &old));
  CHECK_EQ(old.it_value.tv_nsec, 0);
  MUST(timerfd_gettime(timer, &now));
  CHECK_EQ(now.it_interval.tv_nsec, 2000000);
  u64 expired = 0;
  while (expired < 5) {
    CHECK_EQ(read(timer, &value, 8), 8);
    CHECK(value >= 1);
    expired += value;
  }
  in = (struct epoll_event){EPOLLIN, {.fd = timer}};
  MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &in));
  CHECK_EQ(epoll_wait(epoll, out, 8, -1), 1);
  CHECK_EQ(out[0].data.fd, timer);
  return done();
}
