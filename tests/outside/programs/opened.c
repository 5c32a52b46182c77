// The partner opens the file again and again, to read it, and never maps it: each time the recorded side is stopped
// between two instructions to look for writers, in the middle of whatever it computes. Nothing of that can be seen.
#include <sys/time.h>
#include "sides.h"

enum { numbers = 3000, filled = 1 << 16, duration = 3 };  // seconds
enum { between = 23 };  // ms: longer than a look takes, so that the next one does not meet the last

struct memory {
  u32 words[1 << 12];
};

static volatile u64 alarms;
static void count_alarm(int signal) { (void)signal, alarms++; }

static void open_often(void) {
  for (const double begin = now(); now() < begin + duration; poll(NULL, 0, between)) close(MUST(open(path, O_RDONLY)));
  close(MUST(open(beside("enough"), O_WRONLY | O_CREAT, 0600)));
}

static int in_order(const void* a, const void* b) { return *(const int*)a - *(const int*)b; }
static u64 fibonacci(u64 n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

/// Indirect calls, recursion, string instructions, floating point, flags, and the memory: always the same.
static u64 compute(struct memory* m) {
  static int values[numbers];
  static char from[filled], to[filled];
  for (int i = 0; i < numbers; i++) values[i] = (int)(i * 7919u % 10007);
  qsort(values, numbers, sizeof *values, in_order);
  u64 sum = (u64)values[numbers / 3] + fibonacci(16);
  memset(from, (int)sum, sizeof from);
  const void* source = from;
  void* target = to;
  u64 size = sizeof to;
  __asm__ volatile("rep movsb" : "+S"(source), "+D"(target), "+c"(size)::"memory");
  for (u32 i = 0; i < 4096; i++) m->words[i * 37 % 4096] = (u32)sum * i, sum += m->words[i * 91 % 4096];
  double d = 0;
  for (int i = 0; i < 1000; i++) d = d * 0.999 + i / 3.0;
  char text[64];
  for (int i = 0; i < 100; i++) sum = sum * 31 + (u64)snprintf(text, sizeof text, "%d %f %d", i, d, to[i]);
  for (int i = 0; i < 100; i++) {
    u64 flags;
    __asm__ volatile("cmp %1, %2; pushfq; pop %0" : "=r"(flags) : "r"(sum), "r"((u64)i) : "cc");
    sum = sum * 31 + (flags & 0xdd5);  // the status flags, and the trap and direction flags
  }
  return sum;
}

static void compute_often(struct memory* m) {
  waits_for = "the partner to have opened the file often enough";
  memset(m, 0, sizeof *m);
  const u64 once = compute(m);
  struct sigaction action = {.sa_handler = count_alarm};
  const struct itimerval often = {{0, 3000}, {0, 3000}};  // microseconds
  MUST(sigaction(SIGVTALRM, &action, NULL));
  MUST(setitimer(ITIMER_VIRTUAL, &often, NULL));
  while (access(beside("enough"), F_OK) != 0 || alarms == 0) CHECK_EQ((memset(m, 0, sizeof *m), compute(m)), once);
}

int main(int argc, char** argv) {
  begin(argc, argv);
  if (is_partner) {
    while (access(path, F_OK) != 0) look_again_soon();
    open_often();
  } else {
    compute_often(share(sizeof(struct memory), PROT_READ | PROT_WRITE));
  }
  return done();
}
