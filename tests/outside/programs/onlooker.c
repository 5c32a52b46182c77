// The partner may only read: nobody outside writes to the memory, and nothing is to be said of it, however long it goes
// on. It sees what the recorded side writes.
#include "sides.h"

enum { step = 1000, duration = 3 };  // seconds

struct memory {
  volatile u64 counter;
};

static void watch(const struct memory* m) {
  waits_for = "the counter";
  for (const double begin = now(); now() < begin + duration;) {
    const u64 target = m->counter + step;
    for (unsigned turns = 0; m->counter < target; turns++) relax(turns);
  }
  close(MUST(open(beside("enough"), O_WRONLY | O_CREAT, 0600)));
}

static void count(struct memory* m) {
  waits_for = "the onlooker";
  u64 own = 0;
  while (access(beside("enough"), F_OK) != 0) {
    for (int i = 0; i < 100 * step; i++) m->counter = ++own;
  }
  CHECK_EQ(m->counter, own);
}

int main(int argc, char** argv) {
  begin(argc, argv);
  struct memory* m = share(sizeof *m, is_partner ? PROT_READ : PROT_READ | PROT_WRITE);
  if (is_partner) {
    watch(m);
  } else {
    count(m);
  }
  return done();
}
