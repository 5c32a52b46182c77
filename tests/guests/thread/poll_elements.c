// poll and ppoll write the answers only: what another thread puts into the other fields of an element while they wait
// stays.
// build: -pthread
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include "common.h"

static int ends[2];
static struct pollfd elements[3];

static void* changes(void* argument) {
  usleep(2000);
  elements[1].fd = -77;  // no descriptor, before and behind: when it is done makes no difference
  elements[1].events = POLLPRI;
  elements[2].fd = -5;
  CHECK_EQ(write(ends[1], "x", 1), 1);
  return argument;
}

static void round_of(int with_mask) {
  char byte;
  pthread_t thread;
  for (int i = 0; i < 3; i++) elements[i] = (struct pollfd){.fd = i ? -1 : ends[0], .events = i ? 0 : POLLIN, .revents = -1};
  pthread_create(&thread, NULL, changes, NULL);
  CHECK_EQ(with_mask ? ppoll(elements, 3, NULL, NULL) : poll(elements, 3, -1), 1);
  for (int i = 0; i < 3; i++)
    CHECK_EQ(elements[i].revents, i ? 0 : POLLIN);
  pthread_join(thread, NULL);
  CHECK_EQ(elements[1].fd, -77);
  CHECK_EQ(elements[1].events, POLLPRI);
  CHECK_EQ(elements[2].fd, -5);
  CHECK_EQ(read(ends[0], &byte, 1), 1);
}

int main(void) {
  MUST(pipe(ends));
  round_of(0);
  round_of(1);
  CHECK_EQ(poll(NULL, 0, 1), 0);
  CHECK_EQ(poll(elements, 0, 1), 0);
  CHECK_ERR(syscall(SYS_poll, 8, 1, 1), EFAULT);
  CHECK_ERR(syscall(SYS_poll, elements, ~0u, 1), EINVAL);
  return done();
}
