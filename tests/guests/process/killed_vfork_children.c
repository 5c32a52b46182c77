// Children of vfork that are killed from outside while they share their parent's memory: what they have written until
// then is the parent's, who goes by it. Each has executed its loop for a while, or waits, so that none is killed while it
// is being translated.
#include <time.h>
#include "common.h"

static volatile u64 steps;
static u8* page;
static int to_killer[2], never[2];

/// State and time of its own, in hundredths, of a process: /proc/PID/stat.
static char state_of(pid_t pid, unsigned long* computed) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int fd = MUST(open(path, O_RDONLY));
  const ssize_t n = MUST(read(fd, text, sizeof text - 1));
  close(fd);
  text[n] = '\0';
  char state = 0;
  sscanf(strrchr(text, ')'), ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu", &state, computed);
  return state;
}

/// Kills those whose ids it reads: when they have computed for a while, or wait.
static void be_killer(void) {
  pid_t victim;
  while (read(to_killer[0], &victim, sizeof victim) == sizeof victim) {
    unsigned long computed = 0;
    while (state_of(victim, &computed) != 'S' && computed < 5) continue;
    MUST(kill(victim, SIGKILL));
  }
  _exit(0);
}

static __attribute__((noinline)) void compute(void) {
  for (u64 x = 1;; x = x * 6364136223846793005u + 1) {
    steps++;
    page[x >> 52] = (u8)steps;
  }
}

static __attribute__((noinline)) void compute_deep(unsigned depth) {
  volatile u8 room[4096];
  memset((u8*)room, (int)depth, sizeof room);
  steps += room[depth];
  if (depth < 200) compute_deep(depth + 1);
  if (depth == 200) compute();
}

static void compute_in_new_memory(void) {
  page = map_pages(2, PROT_READ | PROT_WRITE);
  memset(page + 4096, 7, 4096);
  compute();
}

static void look_at_clock(void) {
  for (int i = 0; i < 100; i++) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    steps += (u64)now.tv_nsec;
  }
  compute();
}

static void copy(void) {
  for (u64 n = 0;; n++) {
    u8* to = page;
    u64 size = 4096;
    asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(n) : "memory");
    steps = n;
  }
}

static void wait_for_nothing(void) {
  memset(page, 42, 4096);
  steps += 17;
  char c;
  while (read(never[0], &c, 1) != 1) continue;
}

static void handle(int sig) { steps += (u64)sig; }
static void wait_in_handler(void) {
  signal(SIGUSR1, handle);
  raise(SIGUSR1);
  signal(SIGUSR2, handle);
  for (;;) pause();
}

/// Its path depends on what is in memory, and the registers at its calls.
static u64 sum_up(void) {
  u64 sum = steps;
  for (int i = 0; i < 4096; i++) sum = sum * 31 + page[i];
  for (u64 i = 0; i < sum % 1000; i++) syscall(SYS_getppid, sum, i);
  return sum;
}

static __attribute__((noinline)) pid_t start(void (*what)(void)) {
  const pid_t child = vfork();
  if (child == 0) {
    const pid_t own = getpid();
    if (write(to_killer[1], &own, sizeof own) == sizeof own) what();
    _exit(1);
  }
  return child;
}

static void deep(void) { compute_deep(0); }

int main(void) {
  static void (*const what[])(void) = {compute, deep, compute_in_new_memory, look_at_clock, copy, wait_for_nothing,
                                       wait_in_handler};
  page = map_pages(1, PROT_READ | PROT_WRITE);
  MUST(pipe(to_killer));
  MUST(pipe(never));
  const pid_t killer = MUST(fork());
  if (killer == 0) {
    close(to_killer[1]);
    be_killer();
  }
  for (unsigned i = 0; i < sizeof what / sizeof *what; i++) {
    steps = 0;
    const pid_t child = MUST(start(what[i]));
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, SIGKILL);
    sum_up();
    if (what[i] != wait_in_handler) CHECK(steps != 0);
  }
  CHECK_EQ(steps, SIGUSR1);
  const pid_t program = vfork();  // and the next one is as ever
  if (program == 0) {
    execl("/bin/true", "true", NULL);
    _exit(1);
  }
  int status = -1;
  CHECK_EQ(waitpid(program, &status, 0), program);
  CHECK_EQ(status, 0);
  close(to_killer[1]);
  CHECK_EQ(waitpid(killer, &status, 0), killer);
  CHECK_EQ(status, 0);
  return done();
}
