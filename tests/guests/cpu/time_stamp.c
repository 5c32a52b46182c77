// rdtsc and rdtscp never go back and agree with each other; rdpid and getcpu agree with the affinity.
#include <cpuid.h>
#include <sched.h>
#include <x86intrin.h>
#include "common.h"

int main(void) {
  u64 last = 0;
  unsigned aux;
  for (int i = 0; i < 20000; i++) {
    const u64 now = i % 2 ? __rdtsc() : __rdtscp(&aux);
    CHECK(now >= last);
    last = now;
  }
  const u64 before = __rdtsc();
  volatile unsigned n = 0;
  while (n < 1000000) n++;
  CHECK(__rdtsc() - before > 10000);
  // On one processor, which rdtscp names.
  cpu_set_t set;
  MUST(sched_getaffinity(0, sizeof set, &set));
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  if (sched_setaffinity(0, sizeof set, &set) == 0) {
    __rdtscp(&aux);
    CHECK_EQ(aux & 0xfff, 0);
    CHECK_EQ(sched_getcpu(), 0);
  }
  return done();
}
