// Much memory that processes share, written here and there and in runs, by stores, by the kernel and by atomic
// instructions, while parts of it are protected, dropped and inherited; and by one that is killed in the middle of it.
#include <linux/futex.h>
#include <sys/uio.h>
#include "common.h"

enum { page = 4096, processes = 3, steps = 150, actions = 12 };
static const size_t size = (size_t)64 << 20;

static u8* memory;
static struct {
  volatile unsigned step;
  unsigned added;  // by all, at any time
  volatile u64 sums[processes];
} * order;
static u64 sum;
static unsigned now, drawn;
static int source;

static u64 mixed(u64 a, u64 b) {
  u64 x = a * 0xbf58476d1ce4e5b9 + b * 0x94d049bb133111eb + 7;
  for (int i = 0; i < 3; i++) {
    x ^= x >> 31;
    x *= 0xd6e8feb86659fd93;
    x ^= x >> 29;
  }
  return x;
}
static size_t random_below(size_t limit) { return mixed(now, drawn++) % limit; }
static void see(u64 value) { sum = (sum ^ value) * 0x100000001b3 + (sum >> 47); }

/// Places come back: every third is one of a few hundred.
static u8* somewhere(size_t count) {
  const size_t room = random_below(3) == 0 ? 300 * page : size - count;
  return memory + random_below(room);
}

static void brief_child(u8* at) {
  fflush(stdout);
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    for (int i = 0; i < 20; i++) at[i * 100] += 3;
    _exit(at[0] % 50);
  }
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  see((u64)status);
}

static void act(void) {
  const size_t what = random_below(16), count = 1 + random_below(3 * page);
  u8* at = somewhere(64 * page);
  u8* const first = (u8*)((u64)at & ~(u64)(page - 1));
  switch (what) {
    case 0:
    case 1:
      CHECK_EQ(pread(source, at, count, (off_t)random_below(1000)), count);
      break;
    case 2:
      memset(first, (int)now, 40 * page);
      break;
    case 3:
      MUST(mprotect(first, 3 * page, PROT_READ));
      see(*at);
      MUST(mprotect(first, 3 * page, PROT_READ | PROT_WRITE));
      break;
    case 4:
      see((u64)madvise(first, 2 * page, MADV_REMOVE));
      break;
    case 5:
      if (now % 8 == 0) brief_child(at);
      break;
    case 6:
    case 7:
      see(__atomic_fetch_add((u64*)((u64)at & ~7ul), now, __ATOMIC_SEQ_CST));
      break;
    case 8: {
      const u64 word = 5;
      const int made = memfd_create("bytes", MFD_CLOEXEC);
      struct iovec parts[2] = {{first, 30}, {first + 2 * page - 10, 30}};
      CHECK_EQ(pwrite(made, &word, sizeof word, 52), sizeof word);
      CHECK_EQ(preadv(made, parts, 2, 0), 60);
      close(made);
      break;
    }
    default:
      for (size_t i = 0; i < count; i += 500) at[i] = (u8)(at[i] + now);
  }
  for (size_t i = 0; i < 5 * page; i += 97) see(at[i]);
}

static void add_beside_others(void) {
  for (int i = 0; i < 20; i++) __atomic_add_fetch(&order->added, 1, __ATOMIC_SEQ_CST);
}

static void play(unsigned self) {
  sum = self;
  for (now = self; now < steps; now += processes) {
    for (unsigned seen; (seen = order->step) != now;)
      if (now % 2 == 0) syscall(SYS_futex, &order->step, FUTEX_WAIT, seen, NULL, NULL, 0);
    drawn = 0;
    for (int i = 0; i < actions; i++) act();
    syscall(SYS_getuid, sum);  // a re-execution compares the registers of calls
    order->step = now + 1;
    syscall(SYS_futex, &order->step, FUTEX_WAKE, processes, NULL, NULL, 0);
    add_beside_others();
  }
  order->sums[self] = sum;
}

static void take_turns(void) {
  pid_t children[processes];
  fflush(stdout);
  for (unsigned i = 1; i < processes; i++) {
    children[i] = MUST(fork());
    if (children[i] != 0) continue;
    play(i);
    _exit(failures);
  }
  play(0);
  for (unsigned i = 1; i < processes; i++) {
    int status;
    CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
    CHECK_EQ(status, 0);
    printf("%llx\n", order->sums[i]);
  }
  u64 all = 0;
  for (size_t i = 0; i < size; i += 8) all = all * 31 + *(u64*)(memory + i);
  printf("%llx %llx %u\n", order->sums[0], all, order->added);
}

/// It is killed while it writes, one page after the other: whatever it came to, there is no gap.
static void kill_a_writer(void) {
  enum { pages = 8000 };
  volatile u64* const reached = (volatile u64*)memory;
  fflush(stdout);
  for (int round = 1; round <= 3; round++) {
    *reached = 0;
    const pid_t pid = MUST(fork());
    for (u64 i = 1; pid == 0; i = i % (pages - 1) + 1) {
      *(volatile u64*)(memory + i * page + 8) = (u64)round;
      *reached = i;
    }
    while (*reached < 500) {
    }
    MUST(kill(pid, SIGKILL));
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGKILL);
    u64 written = 0;
    for (u64 i = 1; i < pages; i++) {
      const u64 there = *(u64*)(memory + i * page + 8);
      written = written * 3 + there;
      if (i <= *reached) CHECK_EQ(there, (u64)round);
    }
    syscall(SYS_getuid, written);
  }
  puts("killed");
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  u8 bytes[4 * page + 1000];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (u8)(i * 7 + i / 256);
  source = MUST(memfd_create("source", MFD_CLOEXEC));
  CHECK_EQ(write(source, bytes, sizeof bytes), sizeof bytes);
  memory = MUST(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  order = MUST(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  take_turns();
  kill_a_writer();
  return done();
}
