// Instructions on the shared memory, compared with the same on private memory: all registers and flags behind them, the
// memory, and if they raise a signal, which and where. The partner fills the memory before each, and says what it finds
// behind it.
//
// FORM("text") is a row of a table between FORMS(name) and END_FORMS(name); the text is also its name. What the
// registers are at its begin: rbx and r10 the middle page of three; rsi 512 bytes before it and rdi 512 bytes behind
// its begin; r12 its last three bytes; gs where rbx is; r8 private memory; rcx 5, rbp 3, r9 -9; CF is set.
#pragma once
#include <asm/prctl.h>
#include "fault/probe.h"
#include "sides.h"

enum { page = 4096, area_size = 3 * page };

struct memory {
  struct meeting meeting;
  u64 digest, passed_over;
  _Alignas(page) u8 area[area_size];
};

struct form {
  const void* code;
  const char* text;
  u64 protection;  // of the last page
};

#define FORMS(name) __asm__(".section .data.rel.ro,\"aw\"\n.balign 8\nforms_" #name ":\n"
#define END_FORMS(name)             \
  "end_forms_" #name ":\n.text\n"); \
  extern const struct form forms_##name[], end_forms_##name[];
#define ROW(text, name, protection)                                                             \
  ".pushsection .text\n71: " text "\n ud2\n.popsection\n.pushsection .rodata\n72: .asciz " name \
  "\n.popsection\n.quad 71b, "                                                                  \
  "72b, " #protection "\n"
#define FORM(text) ROW(text, #text, 3)
/// Some flags are undefined behind it.
#define WITHOUT_FLAGS(text) ROW(text "\n xor %r15d, %r15d", #text, 3)
/// The last page is read-only, or inaccessible.
#define READ_ONLY(text) ROW(text, #text, 1)
#define INACCESSIBLE(text) ROW(text, #text, 0)

static u8 private_area[area_size] __attribute__((aligned(4096)));
static u8 scratch[2][page] __attribute__((aligned(4096)));

static void fill(u8* at, size_t size, u64 seed) {
  for (size_t i = 0; i < size; i += 8) {
    const u64 word = next_random(&seed);
    memcpy(at + i, &word, 8);
  }
}

static u64 digest_of(const u8* at, size_t size) {
  u64 sum = 1;
  for (size_t i = 0; i < size; i += 8) {
    u64 word;
    memcpy(&word, at + i, 8);
    sum = (sum ^ word) * 0x9e3779b97f4a7c15;
  }
  return sum;
}

static u64 relative(u64 address, const u8* area) {
  return address - (u64)area <= area_size ? address - (u64)area : address;
}

/// Runs the form on the three pages at `area`. Addresses there are given relative to it.
static Caught run_form(const struct form* form, u8* area) {
  if (form->protection != 3) MUST(mprotect(area + 2 * page, page, (int)form->protection));
  Registers in = probe_pattern();
  u8* at = area + page;
  MUST(syscall(SYS_arch_prctl, ARCH_SET_GS, at));
  in.rbx = (u64)at, in.rsi = (u64)at - 512, in.rdi = (u64)at + 512, in.r12 = (u64)at + page - 3,
  in.r8 = (u64)scratch[0];
  in.r10 = (u64)at, in.rcx = 5, in.rbp = 3, in.r9 = -9, in.flags = 0x203;
  Caught caught = *probe(form->code, &in);
  u64* const registers = &caught.registers.rax;
  for (int i = 0; i < 16; i++) registers[i] = relative(registers[i], area);
  caught.address = relative(caught.address, area);
  if (form->protection != 3) MUST(mprotect(area + 2 * page, page, PROT_READ | PROT_WRITE));
  return caught;
}

static void compare_form(const struct form* form, struct memory* shared, u64 seed) {
  fill(private_area, area_size, seed);
  fill(scratch[0], page, ~seed);
  const Caught wanted = run_form(form, private_area);
  memcpy(scratch[1], scratch[0], page);
  fill(scratch[0], page, ~seed);
  meet(&shared->meeting, "the partner to fill the memory");
  const Caught got = run_form(form, shared->area);
  if (got.signal != wanted.signal || got.code != wanted.code || got.address != wanted.address ||
      got.rip != wanted.rip) {
    failures++;
    printf("FAIL %s: signal %d code %d address %llx code+%lld, not %d %d %llx code+%lld\n", form->text, got.signal,
           got.code, got.address, got.rip - (u64)form->code, wanted.signal, wanted.code, wanted.address,
           wanted.rip - (u64)form->code);
  }
  probe_caught = got;
  probe_check(form->text, &wanted.registers);
  const bool same_memory = memcmp(shared->area, private_area, area_size) == 0;
  meet(&shared->meeting, "the partner to look at the memory");
  meet(&shared->meeting, "what the partner has found");
  const bool same_there = shared->digest == digest_of(private_area, area_size);
  const bool same_scratch = memcmp(scratch[0], scratch[1], page) == 0;
  if (!same_memory || !same_there || !same_scratch) {
    failures++;
    printf("FAIL %s: the memory is %s, the partner's %s, what was read %s\n", form->text,
           same_memory ? "right" : "wrong", same_there ? "right" : "wrong", same_scratch ? "right" : "wrong");
  }
}

struct table {
  const char* name;
  const struct form *begin, *end;
  bool there;  // the processor has what it needs
};
#define TABLE(name, there) \
  { #name, forms_##name, end_forms_##name, there }

static void compare_forms(const struct table* table, struct memory* shared) {
  u64 seed = 1000;
  for (const struct form* form = table->begin; form < table->end; form++) compare_form(form, shared, seed += 1000);
}

/// The partner's part.
static void serve_forms(const struct table* table, struct memory* shared) {
  u64 seed = 1000;
  for (const struct form* form = table->begin; form < table->end; form++) {
    fill(shared->area, area_size, seed += 1000);
    meet(&shared->meeting, "an instruction");
    meet(&shared->meeting, "an instruction's end");
    shared->digest = digest_of(shared->area, area_size);
    meet(&shared->meeting, "an instruction to be compared");
  }
}

/// All tables for which the recorded side's processor, as fred shows it, has what they need.
static void go_through(const struct table* tables, size_t count, struct memory* shared) {
  probe_setup();
  for (const struct table* table = tables; table < tables + count; table++) {
    if (!is_partner) shared->passed_over = !table->there;
    meet(&shared->meeting, table->name);
    if (!shared->passed_over) (is_partner ? serve_forms : compare_forms)(table, shared);
    printf("%s: %d forms\n", table->name, (int)(table->end - table->begin));
  }
}
