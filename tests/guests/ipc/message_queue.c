// POSIX message queues: priorities, attributes, time-outs, notification by signal.
// build: -lrt
#include <mqueue.h>
#include <time.h>
#include "common.h"

static int notified, value;
static void handler(int sig, siginfo_t* info, void* context) {
  (void)sig, (void)context;
  notified++, value = info->si_value.sival_int;
  CHECK_EQ(info->si_code, SI_MESGQ);
}

int main(void) {
  char name[64], buffer[64];
  snprintf(name, sizeof name, "/guest-%d", getpid());
  struct mq_attr attributes = {.mq_maxmsg = 5, .mq_msgsize = 64}, now;
  const mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
  if (q == (mqd_t)-1) return printf("FAIL mq_open: %s\n", strerror(errno)), 1;
  MUST(mq_unlink(name));
  MUST(mq_getattr(q, &now));
  CHECK(now.mq_maxmsg == 5 && now.mq_msgsize == 64 && now.mq_curmsgs == 0);
  on_signal(SIGUSR1, handler, 0);
  const struct sigevent event = {
      .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = {.sival_int = 33}};
  MUST(mq_notify(q, &event));
  MUST(mq_send(q, "low", 4, 1));
  CHECK_EQ(notified, 1);
  CHECK_EQ(value, 33);
  MUST(mq_send(q, "high", 5, 9));
  unsigned priority;
  CHECK_EQ(mq_receive(q, buffer, 64, &priority), 5);
  CHECK(priority == 9 && strcmp(buffer, "high") == 0);
  CHECK_EQ(mq_receive(q, buffer, 64, NULL), 4);
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 2000000;
  if (soon.tv_nsec >= 1000000000) soon.tv_nsec -= 1000000000, soon.tv_sec++;
  CHECK_ERR(mq_timedreceive(q, buffer, 64, NULL, &soon), ETIMEDOUT);
  for (int i = 0; i < 5; i++) MUST(mq_send(q, "x", 1, 0));
  CHECK_ERR(mq_timedsend(q, "x", 1, 0, &soon), ETIMEDOUT);
  attributes.mq_flags = O_NONBLOCK;
  MUST(mq_setattr(q, &attributes, NULL));
  CHECK_ERR(mq_send(q, "x", 1, 0), EAGAIN);
  CHECK_ERR(mq_receive(q, buffer, 3, NULL), EMSGSIZE);
  MUST(mq_close(q));
  return done();
}
