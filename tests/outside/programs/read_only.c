// The recorded side may only read the memory, and has no system call in its loops: it waits for a counter to pass
// values, then reads records under a sequence lock, of which it must accept none that is half written.
#include "sides.h"

enum { words = 32, targets = 10, step = 2000, records = 150 };

struct record {
  u64 number, values[words - 2], sum;
};

struct memory {
  _Alignas(64) volatile u64 counter;
  _Alignas(64) volatile u32 sequence;  // odd: the record is being written
  _Alignas(64) struct record record;
};

static u64 sum_of(const struct record* r) {
  u64 sum = r->number;
  for (u32 i = 0; i < words - 2; i++) sum = sum * 31 + r->values[i];
  return sum;
}

static void write_record(struct memory* m, u64 number) {
  struct record next = {.number = number};
  u64 state = number;
  for (u32 i = 0; i < words - 2; i++) next.values[i] = next_random(&state);
  next.sum = sum_of(&next);
  tell(&m->sequence, m->sequence + 1);
  for (u32 i = 0; i < words; i++) ((volatile u64*)&m->record)[i] = ((u64*)&next)[i];
  __atomic_store_n(&m->sequence, m->sequence + 1, __ATOMIC_RELEASE);
}

/// Until the recorded side leaves a file. A record stays for some 10 to 100 microseconds.
static void produce(struct memory* m) {
  waits_for = "the reader to have seen enough";
  u64 state = 1, number = 0;
  while (access(beside("enough"), F_OK) != 0) {
    for (int i = 0; i < 20; i++) {
      write_record(m, ++number);
      for (u64 turns = 20 + next_random(&state) % 200; turns > 0; turns--) {
        m->counter++;
        for (int pause = 0; pause < 10; pause++) __builtin_ia32_pause();
      }
    }
  }
}

/// False if it was being written meanwhile.
static bool read_record(const struct memory* m, struct record* copy, bool by_library) {
  const u32 before = seen(&m->sequence);
  if (before % 2 != 0) return false;
  if (by_library) {
    memcpy(copy, &m->record, sizeof *copy);
  } else {
    for (u32 i = 0; i < words; i++) ((u64*)copy)[i] = ((const volatile u64*)&m->record)[i];
  }
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  return seen(&m->sequence) == before;
}

static void consume(const struct memory* m) {
  for (int i = 1; i <= targets; i++) {
    waits_for = "the counter";
    const u64 target = m->counter + step;
    while (m->counter < target) __builtin_ia32_pause();
  }
  printf("%d values passed\n", targets);
  waits_for = "a whole record";
  u64 last = 0;
  u32 torn = 0, backwards = 0;
  for (u32 accepted = 0; accepted < records;) {
    struct record copy;
    if (!read_record(m, &copy, accepted % 2 == 0) || copy.number == last) continue;
    accepted++;
    torn += copy.sum != sum_of(&copy);
    backwards += copy.number < last;
    last = copy.number;
  }
  CHECK_EQ(torn, 0);
  CHECK_EQ(backwards, 0);
  printf("%d records, none torn\n", records);
  close(MUST(open(beside("enough"), O_WRONLY | O_CREAT, 0600)));
}

int main(int argc, char** argv) {
  begin(argc, argv);
  struct memory* m = share(sizeof *m, is_partner ? PROT_READ | PROT_WRITE : PROT_READ);
  if (is_partner) {
    produce(m);
    forget_memory();
  } else {
    consume(m);
  }
  return done();
}
