// Started once: it forks, and both go on sharing memory without a name. The parent is attached to, the child is not
// recorded. They exchange messages until somebody has attached (the file PATH is there), and then a known number more.
#include "channel.h"

enum { some = 100, rounds = 10000 };

struct memory {
  struct meeting meeting;
  volatile u32 attached;
  struct channel before, after;
};

int main(int argc, char** argv) {
  begin(argc, argv);
  struct memory* m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(m != MAP_FAILED);
  const pid_t child = MUST(fork());
  is_partner = child == 0;
  alarm(longest_wait);
  puts("begun");
  if (!is_partner) fflush(stdout);
  for (u32 first = 0; m->attached == 0; first += some) {
    (is_partner ? ask : answer)(&m->before, first, some);
    if (!is_partner && access(path, F_OK) == 0) m->attached = 1;
    meet(&m->meeting, "the next messages");
  }
  const u64 sum = (is_partner ? ask : answer)(&m->after, 0, rounds);
  meet(&m->meeting, "the end");
  if (is_partner) _exit(failures != 0);
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  printf("%d messages, sum %llx\n", rounds, sum);
  return done();
}
