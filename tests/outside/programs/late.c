// The recorded side computes with its memory alone, without a system call, before the partner comes and maps it as
// well; then it is to notice that soon.
#include "channel.h"

enum { rounds = 2000, soon = 4 };  // seconds, on a machine that is busy

struct memory {
  struct meeting meeting;
  volatile u32 arrived, noticed;
  volatile u64 own;
  struct channel channel;
};

static void come_late(struct memory* m) {
  const double begin = now();
  tell(&m->arrived, 1);
  wait_for(&m->noticed, 1, "the recorded side to notice");
  if (now() - begin > soon) failures++, printf("FAIL it noticed after %.1f s\n", now() - begin);
}

static void compute_alone(struct memory* m) {
  puts("alone");
  fflush(stdout);
  u64 turns = 0, sum = 0;
  waits_for = "the partner, while it computes";
  while (m->arrived == 0) {
    sum += sum * 31 + turns;
    m->own = ++turns;
  }
  CHECK_EQ(m->own, turns);
  tell(&m->noticed, 1);
  if (sum == 1) puts("never");
}

int main(int argc, char** argv) {
  begin(argc, argv);
  struct memory* m = share(sizeof *m, PROT_READ | PROT_WRITE);
  (is_partner ? come_late : compute_alone)(m);
  meet(&m->meeting, "the other side");
  forget_memory();
  const u64 sum = (is_partner ? ask : answer)(&m->channel, 0, rounds);
  printf("%d messages, sum %llx\n", rounds, sum);
  meet(&m->meeting, "the end");
  return done();
}
