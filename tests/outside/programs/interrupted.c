// Messages, while the signals of a timer interrupt the recorded side: their handler uses the shared memory as well.
#include <sys/time.h>
#include "channel.h"

enum { rounds = 8000 };

struct memory {
  struct meeting meeting;
  struct channel channel;
  volatile u64 signals;
  u8 text[64];
};
static struct memory* m;
static volatile u64 own_signals, torn;

static void handle(int signal) {
  (void)signal;
  __atomic_fetch_add(&m->signals, 1, __ATOMIC_SEQ_CST);
  own_signals++;
  u8 text[64];
  memset(m->text, (int)(own_signals & 0x7f), sizeof m->text);
  memcpy(text, m->text, sizeof text);
  torn += text[0] != (own_signals & 0x7f) || text[63] != text[0];
}

static void set_timer(long microseconds) {
  const struct itimerval period = {{0, microseconds}, {0, microseconds}};
  MUST(setitimer(ITIMER_PROF, &period, NULL));
}

int main(int argc, char** argv) {
  m = begin_together(argc, argv, sizeof *m);
  signal(SIGPROF, handle);
  if (!is_partner) set_timer(2000);
  u64 sum = (is_partner ? ask : answer)(&m->channel, 0, rounds);
  waits_for = "a signal";
  while (!is_partner && own_signals < 5) relax(0);
  if (!is_partner) set_timer(0);
  if (!is_partner) CHECK_EQ(m->signals, own_signals);
  CHECK_EQ(torn, 0);
  printf("%d messages, sum %llx\n", rounds, sum);
  meet(&m->meeting, "the end");
  return done();
}
