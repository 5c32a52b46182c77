// Messages in both directions: the partner asks, the recorded side answers. A number behind the bytes says that they
// are there, and is all that either side waits for. Bytes go in and out by copies of all widths.
#pragma once
#include <immintrin.h>
#include "sides.h"

enum { longest_message = 4096, ways_to_copy = 9 };

struct message {
  _Alignas(64) volatile u32 number;
  u32 size;
  _Alignas(64) u8 bytes[longest_message];
};

struct channel {
  struct message question, answer;
};

typedef void copy_function(u8* to, const u8* from, size_t size);

#define COPY_BY(name, type)                                                                                      \
  static void name(u8* to, const u8* from, size_t size) {                                                        \
    typedef type unit __attribute__((aligned(1), may_alias));                                                    \
    size_t i = 0;                                                                                                \
    for (; i + sizeof(unit) <= size; i += sizeof(unit)) *(volatile unit*)(to + i) = *(volatile unit*)(from + i); \
    for (; i < size; i++) ((volatile u8*)to)[i] = ((const volatile u8*)from)[i];                                 \
  }
COPY_BY(copy_by_1, u8)
COPY_BY(copy_by_2, u16)
COPY_BY(copy_by_4, u32)
COPY_BY(copy_by_8, u64)
COPY_BY(copy_by_16, __m128i)
__attribute__((target("avx"))) COPY_BY(copy_by_32, __m256i)

    static void copy_by_movsb(u8* to, const u8* from, size_t size) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}
static void copy_by_movsq(u8* to, const u8* from, size_t size) {
  size_t words = size / 8, rest = size % 8;
  __asm__ volatile("rep movsq\n\tmov %3, %2\n\trep movsb" : "+D"(to), "+S"(from), "+c"(words) : "r"(rest) : "memory");
}
static void copy_by_library(u8* to, const u8* from, size_t size) { memcpy(to, from, size); }

static void copy(u32 way, u8* to, const u8* from, size_t size) {
  static copy_function* const functions[ways_to_copy] = {copy_by_1,     copy_by_2,     copy_by_4,
                                                         copy_by_8,     copy_by_16,    copy_by_32,
                                                         copy_by_movsb, copy_by_movsq, copy_by_library};
  const bool wide = functions[way % ways_to_copy] == copy_by_32;
  functions[wide && !__builtin_cpu_supports("avx") ? 4 : way % ways_to_copy](to, from, size);
}

/// Mostly short ones; a copy byte by byte is never of a long one.
static u32 size_of_message(u32 round) {
  if (round % 256 == 255) return longest_message;
  if (round % 32 == 31) return 200 + round % 1000;
  return 1 + round * 7 % 40;
}
static u32 way_of_message(u32 round) { return round % 32 == 31 ? 4 + round / 32 % 5 : round / 3; }

static u64 digest(const u8* bytes, u32 size, u64 sum) {
  for (u32 i = 0; i < size; i++) sum = (sum ^ bytes[i]) * 0x100000001b3;
  return sum;
}

__attribute__((noinline)) static void wait_for_message(const struct message* m, u32 round) {
  for (unsigned turns = 0; m->number != round; turns++) relax(turns);  // sees the change
}

static u32 receive(const struct message* m, u32 round, u8* bytes) {
  wait_for_message(m, round);
  __atomic_signal_fence(__ATOMIC_ACQUIRE);
  const u32 size = m->size < longest_message ? m->size : longest_message;
  copy(way_of_message(round), bytes, m->bytes, size);
  return size;
}

static void send_message(struct message* m, u32 round, const u8* bytes, u32 size) {
  copy(way_of_message(round) + 4 * (size < 64), m->bytes, bytes, size);
  m->size = size;
  tell(&m->number, round);
}

/// What the partner asks depends on the answer before.
static void make_question(u32 round, u64 sum, u8* bytes, u32 size) {
  u64 state = sum ^ round;
  for (u32 i = 0; i < size; i++) bytes[i] = (u8)next_random(&state);
}
static u32 make_answer(u32 round, const u8* question, u32 size, u8* answer) {
  for (u32 i = 0; i < size; i++) answer[i] = (u8)(question[size - 1 - i] * 3 + round);
  return size;
}

/// Rounds first + 1 to first + count. Gives the sum of all answers.
__attribute__((unused)) static u64 ask(struct channel* c, u32 first, u32 count) {
  waits_for = "an answer";
  u8 question[longest_message], expected[longest_message], answer[longest_message];
  u64 sum = 1;
  u32 wrong = 0;
  for (u32 round = first + 1; round <= first + count; round++) {
    const u32 size = size_of_message(round);
    make_question(round, sum, question, size);
    send_message(&c->question, round, question, size);
    make_answer(round, question, size, expected);
    if (receive(&c->answer, round, answer) != size || memcmp(answer, expected, size) != 0) wrong++;
    sum = digest(answer, size, sum);
  }
  CHECK_EQ(wrong, 0);
  return sum;
}

__attribute__((unused)) static u64 answer(struct channel* c, u32 first, u32 count) {
  waits_for = "a question";
  u8 question[longest_message], answer[longest_message];
  u64 sum = 1;
  for (u32 round = first + 1; round <= first + count; round++) {
    u32 size = receive(&c->question, round, question);
    size = make_answer(round, question, size, answer);
    send_message(&c->answer, round, answer, size);  // answers
    sum = digest(answer, size, sum);
  }
  return sum;
}
