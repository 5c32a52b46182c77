// Both sides change the same words at the same time, by every kind of atomic instruction, under locks made of them, and
// by plain instructions on words that lie side by side. The recorded side does each `operations` times, the partner
// until that is done: nothing may be lost, and nothing be had twice.
#include "sides.h"

enum { operations = 4000, partner_most = 60000, bits = operations };

struct pair {
  u64 low, high;
} __attribute__((aligned(16)));

struct memory {
  struct meeting meeting;
  _Alignas(64) volatile u32 finished;  // contests that the recorded side has come to the end of
  _Alignas(64) u32 done[2];            // operations of each side in the contest
  _Alignas(64) u32 ticket;
  u8 drawn[operations + partner_most];
  _Alignas(64) u64 added;
  u32 incremented, decremented;
  u16 subtracted, negated;
  u8 incremented_byte, inverted;
  u64 with_carry, with_borrow;
  _Alignas(64) u32 lock;
  volatile u64 guarded, guarded_twin;
  _Alignas(64) u64 exchanged_8_bytes;
  u32 exchanged_4_bytes;
  u16 exchanged_2_bytes;
  u8 exchanged_1_byte;
  struct pair pair;
  u32 halves[2] __attribute__((aligned(8)));
  _Alignas(64) u64 set[bits / 64 + 1], reset[bits / 64 + 1], complemented;
  u32 won[2], taken[2];
  _Alignas(64) volatile u64 masks, parity;
  _Alignas(64) volatile u32 wants[2], last;
  volatile u64 by_turns;
  _Alignas(64) volatile u8 bytes[2];
  volatile u16 words[2];
  volatile u32 doubles[2];
  u8 vectors[2][16] __attribute__((aligned(16)));
  u8 text[2][24];
};
static struct memory* m;
static u32 own;  // 0 or 1, the side

#define LOCKED(code, operand, ...) __asm__ volatile("lock " code : "+m"(operand) : __VA_ARGS__ : "cc", "memory")

static void draw_ticket(u32 round) {
  (void)round;
  u32 ticket = 1;
  u8 before = (u8)(own + 1);
  __asm__ volatile("lock xaddl %0, %1" : "+r"(ticket), "+m"(m->ticket) : : "cc", "memory");
  if (ticket < sizeof m->drawn) __asm__ volatile("xchgb %0, %1" : "+q"(before), "+m"(m->drawn[ticket]) : : "memory");
  if (ticket < sizeof m->drawn && before != 0) printf("FAIL ticket %u was drawn twice\n", ticket);
}
static void check_tickets(void) {
  const u32 all = m->done[0] + m->done[1];
  CHECK_EQ(m->ticket, all);
  static u8 drawn[sizeof m->drawn];
  memcpy(drawn, m->drawn, all);
  u32 of_side[3] = {0};
  for (u32 i = 0; i < all; i++) of_side[drawn[i] % 3]++;
  CHECK(of_side[0] == 0 && of_side[1] == m->done[0] && of_side[2] == m->done[1]);
}

static void add_up(u32 round) {
  LOCKED("addq %1, %0", m->added, "r"((u64)round));
  LOCKED("incl %0", m->incremented, "r"(0));
  LOCKED("incb %0", m->incremented_byte, "r"(0));
  LOCKED("decl %0", m->decremented, "r"(0));
  LOCKED("subw %1, %0", m->subtracted, "r"((u16)3));
  LOCKED("negw %0", m->negated, "r"(0));
  LOCKED("notb %0", m->inverted, "r"(0));
  __asm__ volatile("stc\n\tlock adcq %1, %0" : "+m"(m->with_carry) : "r"(1ul) : "cc", "memory");
  __asm__ volatile("stc\n\tlock sbbq $0, %0" : "+m"(m->with_borrow) : : "cc", "memory");
}
static u64 up_to(u64 n) { return n * (n - 1) / 2; }
static void check_sums(void) {
  const u32 all = m->done[0] + m->done[1];
  CHECK_EQ(m->added, up_to(m->done[0]) + up_to(m->done[1]));
  CHECK_EQ(m->incremented, all);
  CHECK_EQ(m->incremented_byte, all & 0xff);
  CHECK_EQ(m->decremented, -all);
  CHECK_EQ(m->subtracted, (u16)(-3 * all));
  CHECK_EQ(m->negated, all % 2 ? 0xff9c : 100);
  CHECK_EQ(m->inverted, all % 2 ? 0xff : 0);
  CHECK_EQ(m->with_carry, 2 * (u64)all);
  CHECK_EQ(m->with_borrow, -(u64)all);
}

static void under_spin_lock(u32 round) {
  (void)round;
  for (u32 turns = 0;; turns++) {
    u32 was = 1;
    __asm__ volatile("xchgl %0, %1" : "+r"(was), "+m"(m->lock) : : "memory");
    if (was == 0) break;
    while (seen(&m->lock) != 0) relax(turns++);
  }
  m->guarded++;
  m->guarded_twin++;
  if (m->guarded != m->guarded_twin) puts("FAIL another one is within the spin lock");
  tell(&m->lock, 0);
}
static void check_spin_lock(void) {
  CHECK_EQ(m->guarded, m->done[0] + m->done[1]);
  CHECK_EQ(m->guarded_twin, m->guarded);
}

/// Adds 3 by a loop of `cmpxchg`; a failed one gives the value that is there.
#define EXCHANGE(type, suffix, word)                              \
  do {                                                            \
    type value = *(volatile type*)&(word);                        \
    u8 equal = 0;                                                 \
    while (!equal) {                                              \
      const type next = (type)(value + 3);                        \
      __asm__ volatile("lock cmpxchg" suffix " %3, %1\n\tsete %2" \
                       : "+a"(value), "+m"(word), "=q"(equal)     \
                       : "r"(next)                                \
                       : "cc", "memory");                         \
    }                                                             \
  } while (0)

static void compare_and_exchange(u32 round) {
  (void)round;
  EXCHANGE(u64, "q", m->exchanged_8_bytes);
  EXCHANGE(u32, "l", m->exchanged_4_bytes);
  EXCHANGE(u16, "w", m->exchanged_2_bytes);
  EXCHANGE(u8, "b", m->exchanged_1_byte);
}
static void check_exchanges(void) {
  const u64 sum = 3 * ((u64)m->done[0] + m->done[1]);
  CHECK_EQ(m->exchanged_8_bytes, sum);
  CHECK_EQ(m->exchanged_4_bytes, (u32)sum);
  CHECK_EQ(m->exchanged_2_bytes, (u16)sum);
  CHECK_EQ(m->exchanged_1_byte, (u8)sum);
}

/// {n, 3n} becomes {n + 1, 3(n + 1)}; whatever is seen must be such a pair.
static void exchange_pairs(u32 round) {
  (void)round;
  u64 low = 0, high = 0;
  u8 equal = 0;
  while (!equal) {
    __asm__ volatile("lock cmpxchg16b %0\n\tsete %1"
                     : "+m"(m->pair), "=q"(equal), "+a"(low), "+d"(high)
                     : "b"(low + 1), "c"(high + 3)
                     : "cc", "memory");
    if (high != 3 * low) puts("FAIL half a pair was seen");
  }
  u32 half = 0, other = 0;
  for (equal = 0; !equal;) {
    __asm__ volatile("lock cmpxchg8b %0\n\tsete %1"
                     : "+m"(m->halves), "=q"(equal), "+a"(half), "+d"(other)
                     : "b"(half + 1), "c"(other - 1)
                     : "cc", "memory");
    if (half + other != 0) puts("FAIL half a pair of small ones was seen");
  }
}
static void check_pairs(void) {
  const u64 all = m->done[0] + m->done[1];
  CHECK_EQ(m->pair.low, all);
  CHECK_EQ(m->pair.high, 3 * all);
  CHECK_EQ(m->halves[0], all);
  CHECK_EQ(m->halves[1], (u32)-all);
}

/// Both try the bits in the same order: one of them has each.
static void race_for_bits(u32 round) {
  if (round >= bits) return;
  u8 was_set;
  __asm__ volatile("lock btsq %2, %0\n\tsetc %1" : "+m"(m->set), "=q"(was_set) : "r"((u64)round) : "cc", "memory");
  m->won[own] += !was_set;
  __asm__ volatile("lock btrl %2, %0\n\tsetc %1" : "+m"(m->reset), "=q"(was_set) : "r"(round) : "cc", "memory");
  m->taken[own] += was_set;
  LOCKED("btcq %1, %0", m->complemented, "r"((u64)(own ? 63 : 1)));
}
static void check_bits(void) {
  CHECK_EQ(m->won[0] + m->won[1], bits);
  CHECK_EQ(m->taken[0] + m->taken[1], bits);
  for (u32 i = 0; i < bits; i++) CHECK_EQ(m->set[i / 64] >> i % 64 & 1, 1);
  for (u32 i = 0; i < bits; i++) CHECK_EQ(m->reset[i / 64] >> i % 64 & 1, 0);
  const u32 partner_tries = m->done[1] < bits ? m->done[1] : bits;
  CHECK_EQ(m->complemented, (u64)(partner_tries % 2) << 63);
}

static void set_own_bits(u32 round) {
  const u64 bit = 1ul << (own * 32 + round % 32);
  LOCKED("orq %1, %0", m->masks, "r"(bit));
  if ((m->masks & bit) == 0) puts("FAIL a bit that was set is not");
  LOCKED("andq %1, %0", m->masks, "r"(~bit));
  if ((m->masks & bit) != 0) puts("FAIL a bit that was cleared is set");
  LOCKED("xorq %1, %0", m->parity, "r"(bit));
}
static u32 odd_bits(u32 rounds) {
  u32 word = 0;
  for (u32 i = 0; i < rounds; i++) word ^= 1u << i % 32;
  return word;
}
static void check_masks(void) {
  CHECK_EQ(m->masks, 0);
  CHECK_EQ(m->parity, (u64)odd_bits(m->done[1]) << 32 | odd_bits(m->done[0]));
}

/// Peterson's: nothing but plain loads and stores, and a fence.
static void by_turns(u32 round) {
  (void)round;
  m->wants[own] = 1;
  m->last = own;
  __asm__ volatile("mfence" : : : "memory");
  for (u32 turns = 0; seen(&m->wants[!own]) != 0 && seen(&m->last) == own; turns++) relax(turns);
  const u64 count = m->by_turns;
  m->by_turns = count + 1;
  __atomic_store_n(&m->wants[own], 0, __ATOMIC_RELEASE);
}
static void check_turns(void) { CHECK_EQ(m->by_turns, m->done[0] + m->done[1]); }

/// What lies beside one's own belongs to the other side, and is written by it meanwhile.
static void side_by_side(u32 round) {
  m->bytes[own]++;
  m->words[own] = (u16)(m->words[own] + 1);
  m->doubles[own] += 2;
  memset(m->vectors[own], (int)(round & 0xff), sizeof m->vectors[own]);
  memset(m->text[own], (int)(round & 0x7f), sizeof m->text[own]);
  if (m->vectors[own][15] != (round & 0xff) || m->text[own][0] != (round & 0x7f) || m->text[own][23] != (round & 0x7f))
    puts("FAIL what was written is not there");
}
static void check_sides(void) {
  for (int side = 0; side < 2; side++) {
    const u32 n = m->done[side];
    CHECK_EQ(m->bytes[side], n & 0xff);
    CHECK_EQ(m->words[side], n & 0xffff);
    CHECK_EQ(m->doubles[side], 2 * n);
    for (int i = 0; i < 16; i++) CHECK_EQ(m->vectors[side][i], (n - 1) & 0xff);
    for (int i = 0; i < 24; i++) CHECK_EQ(m->text[side][i], (n - 1) & 0x7f);
  }
}

static const struct {
  const char* name;
  void (*operate)(u32 round);
  void (*check)(void);
} contests[] = {
    {"tickets", draw_ticket, check_tickets},
    {"sums", add_up, check_sums},
    {"spin lock", under_spin_lock, check_spin_lock},
    {"compare and exchange", compare_and_exchange, check_exchanges},
    {"pairs", exchange_pairs, check_pairs},
    {"bits", race_for_bits, check_bits},
    {"masks", set_own_bits, check_masks},
    {"plain turns", by_turns, check_turns},
    {"side by side", side_by_side, check_sides},
};

int main(int argc, char** argv) {
  m = begin_together(argc, argv, sizeof *m);
  own = is_partner;
  if (is_partner) {
    m->negated = 100;
    memset(m->reset, 0xff, sizeof m->reset);
  }
  for (u32 i = 0; i < sizeof contests / sizeof *contests; i++) {
    meet(&m->meeting, contests[i].name);
    const u32 most = is_partner ? partner_most : operations;
    u32 round = 0;
    while (round < most && (!is_partner || round < operations || seen(&m->finished) <= i)) {
      contests[i].operate(round++);
      for (int pause = 0; is_partner && pause < 8; pause++) __builtin_ia32_pause();
    }
    m->done[own] = round;
    if (!is_partner) tell(&m->finished, i + 1);
    meet(&m->meeting, contests[i].name);
    contests[i].check();
    puts(contests[i].name);
  }
  meet(&m->meeting, "the end");
  return done();
}
