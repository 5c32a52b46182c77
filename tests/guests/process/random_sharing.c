// Random programs, a few fixed seeds: processes change memory, files and mappings that they share, in an order that the
// seed says, and print a checksum of all that they read. `random_sharing FIRST COUNT [v]` runs others; v: line by line.
#include <linux/futex.h>
#include <setjmp.h>
#include "common.h"

enum { page = 4096, file_pages = 12, mapping_pages = 8, objects = 3, most_mappings = 7, most_processes = 3 };
enum { steps = 120, parallel_every = 10 };

/// How the next process hears that it is its step.
enum way { by_futex, by_pipe, by_spinning, ways };

static struct {
  volatile unsigned step, arrived;
  volatile u64 sums[most_processes];
} * order;
static u8* parallel;  // a page of it for each process
static int pipes[most_processes][2];

static u64 seed, sum;
static int verbose, self;
static pid_t child_of[most_processes];
static unsigned forks_at[most_processes];  // the step behind which each exists

/// The seed and the step alone say what is done, so that all processes know who is next.
static u64 mixed(u64 a, u64 b) {
  u64 x = seed * 0x9e3779b97f4a7c15 + a * 0xbf58476d1ce4e5b9 + b * 0x94d049bb133111eb + 1;
  for (int i = 0; i < 3; i++) {
    x ^= x >> 31;
    x *= 0xd6e8feb86659fd93;
    x ^= x >> 29;
  }
  return x;
}
static unsigned now, drawn;
static unsigned random_below(unsigned limit) { return (unsigned)(mixed(now * 4 + 3, 1000 + drawn++) % limit); }

static void see(u64 value) { sum = (sum ^ value) * 0x100000001b3 + (sum >> 47); }

// What is shared. ------------------------------------------------------------------------------------------------

/// Files on a disk, and memory without a name.
static int files[objects];
static struct mapping {
  u8* at;
  size_t pages;
  int object;  // -1: anonymous
  size_t first;
  int prot;
} mappings[most_mappings];

static sigjmp_buf back;
static void on_fault(int sig, siginfo_t* info, void* unused) {
  (void)info, (void)unused;
  siglongjmp(back, sig);
}
/// The signal, negative, where there is one.
static int byte_at(const volatile u8* at) {
  const int fault = sigsetjmp(back, 0);
  return fault != 0 ? -fault : *at;
}
static int store_at(volatile u8* at, u8 value) {
  const int fault = sigsetjmp(back, 0);
  if (fault == 0) *at = value;
  return -fault;
}

static size_t size_of(int object) {
  struct stat st;
  CHECK_EQ(fstat(files[object], &st), 0);
  return (size_t)st.st_size;
}

/// What a disk's file system does with bytes behind the end of a file, and when, is its own business.
static size_t known_end(const struct mapping* m) {
  const size_t all = m->pages * page;
  if (m->object < 0 || m->object == objects - 1) return all;
  const size_t size = size_of(m->object), begin = m->first * page;
  const size_t end = size > begin ? size - begin : 0;
  return end < all ? end : all;
}

static void load(const struct mapping* m, size_t from, size_t count) {
  const size_t end = known_end(m), tail_end = (end + page - 1) / page * page;
  int value = 0;
  for (size_t i = from; i < from + count && i < m->pages * page && value >= 0; i += 1 + i % 7) {
    if (i >= end && i < tail_end) continue;
    see((u64)(value = byte_at(m->at + i)));
  }
}
static void store(const struct mapping* m, size_t from, size_t count) {
  int value = 0;
  for (size_t i = from; i < from + count && i < m->pages * page && value >= 0; i += 1 + i % 5)
    see((u64)(value = store_at(m->at + i, (u8)(now * 7 + i))));
}

static struct mapping* some_mapping(void) {
  struct mapping* m = &mappings[random_below(most_mappings)];
  return m->at != NULL ? m : NULL;
}
static size_t somewhere(const struct mapping* m) { return random_below((unsigned)(m->pages * page)); }

static void map_one(struct mapping* m) {
  m->object = (int)random_below(objects + 1) - 1;
  m->pages = 1 + random_below(mapping_pages);
  m->first = m->object < 0 ? 0 : random_below(file_pages);
  m->prot = PROT_READ | PROT_WRITE;
  const int flags = MAP_SHARED | (m->object < 0 ? MAP_ANONYMOUS : 0);
  const int fd = m->object < 0 ? -1 : files[m->object];
  m->at = MUST(mmap(NULL, m->pages * page, m->prot, flags, fd, (off_t)(m->first * page)));
}

static void unmap_some(struct mapping* m) {
  const size_t left = random_below((unsigned)m->pages);
  MUST(munmap(m->at + left * page, (m->pages - left) * page));
  m->pages = left;
  if (left == 0) m->at = NULL;
}

static void resize(struct mapping* m) {
  const size_t pages = 1 + random_below(mapping_pages);
  u8* at = mremap(m->at, m->pages * page, pages * page, MREMAP_MAYMOVE);
  if (at == MAP_FAILED) {
    see(1000 + (u64)errno);
    return;
  }
  m->at = at;
  m->pages = pages;
}

static void protect(struct mapping* m) {
  static const int prots[] = {PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE, PROT_READ | PROT_WRITE};
  m->prot = prots[random_below(4)];
  MUST(mprotect(m->at, m->pages * page, m->prot));
}

static void change_file(int object) {
  const int fd = files[object];
  u8 bytes[3 * page];
  const off_t at = random_below(file_pages * page);
  const size_t count = random_below(sizeof bytes);
  const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  switch (random_below(6)) {
    case 0:
    case 1:
      MUST(ftruncate(fd, at));
      break;
    case 2:
      MUST(fallocate(fd, punch, at, (off_t)count + 1));
      break;
    case 3:
      MUST(fallocate(fd, 0, at, (off_t)count + 1));
      break;
    case 4:
      memset(bytes, (int)now, count);
      CHECK_EQ(pwrite(fd, bytes, count, at), count);
      break;
    default: {
      const ssize_t got = pread(fd, bytes, count, at);
      for (ssize_t i = 0; i < got; i += 13) see(bytes[i]);
      see((u64)got);
    }
  }
}

/// A child that shares all of it, for a moment.
static void fork_briefly(void) {
  fflush(stdout);
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    for (int i = 0; i < most_mappings; i++) {
      if (mappings[i].at == NULL) continue;
      load(&mappings[i], somewhere(&mappings[i]), 300);
      store(&mappings[i], somewhere(&mappings[i]), 100);
    }
    change_file((int)random_below(objects));
    _exit((int)(sum % 100));
  }
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  see((u64)status);
}

static void advise(struct mapping* m) {
  static const int advices[] = {MADV_REMOVE, MADV_DONTNEED, MADV_REMOVE, MADV_WILLNEED};
  const size_t from = random_below((unsigned)m->pages), count = 1 + random_below((unsigned)(m->pages - from));
  const int result = madvise(m->at + from * page, count * page, advices[random_below(4)]);
  see(result == 0 ? 0 : (u64)errno);
}

static void act(void) {
  struct mapping* m = some_mapping();
  const unsigned what = random_below(20);
  if (m == NULL) {
    m = &mappings[random_below(most_mappings)];
    if (m->at == NULL) map_one(m);
  } else if (what < 5) {
    store(m, somewhere(m), random_below(2 * page));
  } else if (what < 9) {
    load(m, somewhere(m), random_below(4 * page));
  } else if (what < 13) {
    change_file((int)random_below(objects));
  } else if (what == 13) {
    unmap_some(m);
  } else if (what < 16) {
    resize(m);
  } else if (what == 16) {
    protect(m);
  } else if (what == 17) {
    advise(m);
  } else if (what == 18) {
    fork_briefly();
  }
  m = some_mapping();
  if (m != NULL) load(m, 0, m->pages * page);
  syscall(SYS_getuid, sum);  // a re-execution compares the registers of calls
}

// The order. -----------------------------------------------------------------------------------------------------

static void futex(volatile unsigned* word, int what, unsigned value) {
  syscall(SYS_futex, word, what, value, NULL, NULL, 0);
}

/// Those that exist at that step; one that is forked there does not yet.
static unsigned count_at(unsigned step) {
  unsigned count = 1;
  while (count < most_processes && forks_at[count] < step) count++;
  return count;
}
static int is_parallel(unsigned step) { return step % parallel_every == 0; }
static int owner_of(unsigned step) {
  const unsigned count = count_at(step);
  const int forks = count < most_processes && forks_at[count] == step;
  return forks ? 0 : (int)(mixed(step * 4, 1) % count);
}
static enum way way_to(unsigned step) {
  return is_parallel(step) ? by_futex : (enum way)(mixed(step * 4 + 1, 2) % ways);
}

static void wait_for_step(unsigned step) {
  u8 byte;
  if (way_to(step) == by_pipe) {
    CHECK_EQ(read(pipes[self][0], &byte, 1), 1);
    return;
  }
  for (unsigned seen; (seen = order->step) != step;) {
    if (way_to(step) == by_futex) futex(&order->step, FUTEX_WAIT, seen);
  }
}
static void hand_over(unsigned step) {
  order->step = step;
  futex(&order->step, FUTEX_WAKE, most_processes);
  if (step < steps && way_to(step) == by_pipe) CHECK_EQ(write(pipes[owner_of(step)][1], "", 1), 1);
}

/// All of them at once, each in a page of its own.
static void act_beside_others(void) {
  u8* mine = parallel + self * page;
  for (int k = 0; k < 400; k++) {
    const unsigned at = random_below(page);
    see(mine[at]);
    mine[at] = (u8)(k + (int)now);
  }
  if (__atomic_add_fetch(&order->arrived, 1, __ATOMIC_SEQ_CST) == count_at(now)) {
    order->arrived = 0;
    hand_over(now + 1);
  }
}

static void fork_one(int number) {
  fflush(stdout);
  child_of[number] = MUST(fork());
  if (child_of[number] != 0) return;
  self = number;
  sum = (u64)number;
}

static void run_steps(void) {
  for (now = 1; now < steps; now++) {
    drawn = 0;
    if (!is_parallel(now) && owner_of(now) != self) continue;
    wait_for_step(now);
    const unsigned before = count_at(now);
    if (is_parallel(now)) {
      act_beside_others();
    } else if (before < most_processes && forks_at[before] == now) {
      fork_one((int)before);
      if (self == 0) hand_over(now + 1);
    } else {
      act();
      if (verbose) printf("%u: process %d: %llx\n", now, self, sum), fflush(stdout);
      hand_over(now + 1);
    }
  }
}

static void run(u64 number) {
  seed = number;
  sum = 0;
  forks_at[1] = 3 + (unsigned)(mixed(1, 7) % 4);
  forks_at[2] = 12 + (unsigned)(mixed(2, 7) % 7);
  order = MUST(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  parallel = MUST(mmap(NULL, most_processes * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  files[0] = MUST(open("random_one", O_RDWR | O_CREAT | O_TRUNC, 0600));
  files[1] = MUST(open("random_other", O_RDWR | O_CREAT | O_TRUNC, 0600));
  files[2] = MUST(memfd_create("random", MFD_CLOEXEC));
  for (int i = 0; i < objects; i++) MUST(ftruncate(files[i], file_pages * page / 2 + 100));
  for (int i = 0; i < most_processes; i++) MUST(pipe(pipes[i]));
  if (way_to(1) == by_pipe) CHECK_EQ(write(pipes[0][1], "", 1), 1);
  order->step = 1;
  run_steps();
  order->sums[self] = sum;
  fflush(stdout);
  if (self != 0) _exit(failures);
  for (int i = 1; i < most_processes; i++) {
    int status;
    CHECK_EQ(waitpid(child_of[i], &status, 0), child_of[i]);
    CHECK_EQ(status, 0);
  }
  printf("%llu: %llx %llx %llx\n", seed, order->sums[0], order->sums[1], order->sums[2]);
  for (int i = 0; i < most_mappings; i++) {
    if (mappings[i].at != NULL) MUST(munmap(mappings[i].at, mappings[i].pages * page));
    mappings[i].at = NULL;
  }
  for (int i = 0; i < objects; i++) close(files[i]);
  for (int i = 0; i < most_processes; i++) close(pipes[i][0]), close(pipes[i][1]);
  MUST(munmap((void*)order, page));
  MUST(munmap(parallel, most_processes * page));
  MUST(unlink("random_one"));
  MUST(unlink("random_other"));
}

int main(int argc, char** argv) {
  on_signal(SIGBUS, on_fault, SA_NODEFER);
  on_signal(SIGSEGV, on_fault, SA_NODEFER);
  // Each of these has diverged, or differed from the native run, in a way of its own.
  static const u64 known[] = {3, 11, 22, 30, 101, 124, 291};
  verbose = argc > 3;
  if (argc < 3) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) run(known[i]);
    return done();
  }
  const u64 first = strtoull(argv[1], NULL, 0), count = strtoull(argv[2], NULL, 0);
  for (u64 number = first; number < first + count; number++) run(number);
  return done();
}
