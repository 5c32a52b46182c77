// Control goes where no code is: the fault is at the target, after the transfer has been done.
#include "fault/probe.h"

SNIPPET(jump, "clc", "jmp *%rax");
SNIPPET(jump_memory, "stc", "jmp *(%rbx)");
SNIPPET(call, "nop", "call *%rax");
SNIPPET(call_memory, "nop", "call *(%rbx)");
SNIPPET(return_, "push %rax", "ret");
SNIPPET(return_pops, "push %rax", "ret $32");
SNIPPET(push_jump, "mov %rax, (%rbx)", "jmp *(%rbx)");

typedef struct {
  Snippet snippet;
  int pushes;  // the return address lies on the stack
  int pops;    // bytes that ret takes off
} Row;
#define ROW(name, ...) \
  { SNIPPET_ROW(name), __VA_ARGS__ }
static const Row rows[] = {ROW(jump, 0, 0),    ROW(jump_memory, 0, 0),  ROW(call, 1, 0),     ROW(call_memory, 1, 0),
                           ROW(return_, 0, 8), ROW(return_pops, 0, 40), ROW(push_jump, 0, 0)};

int main(void) {
  probe_setup();
  probe_pattern();
  u8* data = map_pages(1, PROT_READ | PROT_WRITE);
  memset(data, 0x90, 4096);
  u8* none = map_pages(1, PROT_NONE);
  u8* page = map_pages(2, PROT_READ | PROT_WRITE | PROT_EXEC);
  u8* hole = map_pages(3, PROT_NONE) + 4096;
  MUST(munmap(hole, 4096));
  const struct {
    u64 target;
    int code, error;
  } places[] = {{(u64)hole + 7, SEGV_MAPERR, 0x14},
                {(u64)data + 16, SEGV_ACCERR, 0x15},
                {(u64)none + 1, SEGV_ACCERR, 0x14},
                {0, SEGV_MAPERR, 0x14},
                {0x10, SEGV_MAPERR, 0x14}};
  static u64 slot;
  for (int round = 0; round < 3; round++)
    for (unsigned r = 0; r < sizeof rows / sizeof *rows; r++)
      for (unsigned p = 0; p < sizeof places / sizeof *places; p++) {
        const Row* row = &rows[r];
        const Snippet* s = &row->snippet;
        Registers in = probe_pattern();
        in.rax = slot = places[p].target;
        in.rbx = (u64)&slot;
        probe(s->twin, &in);
        Registers want = probe_caught.registers;
        want.rsp += row->pops - 8 * row->pushes;
        probe(s->code, &in);
        probe_expect(s->name, SIGSEGV, places[p].code, places[p].target, places[p].target);
        probe_check(s->name, &want);
        CHECK_EQ(probe_caught.trap, 14);
        CHECK_EQ(probe_caught.error & ~1, places[p].error & ~1);
        if (row->pushes) CHECK_EQ(*(u64*)want.rsp, (u64)s->after);
      }

  // Execution falls off the end of the last mapped page, between two instructions and within one.
  MUST(munmap(page + 4096, 4096));
  const u64 end = (u64)page + 4096;
  page[4092] = page[4093] = page[4094] = page[4095] = 0x90;
  Registers in = probe_pattern();
  probe(page + 4092, &in);
  probe_expect("end", SIGSEGV, SEGV_MAPERR, end, end);
  probe_check("end", &in);
  page[4093] = 0x48, page[4094] = 0xb8, page[4095] = 0x11;  // movabs $…11, %rax, cut off
  probe(page + 4092, &in);
  probe_expect("within", SIGSEGV, SEGV_MAPERR, end, (u64)page + 4093);
  probe_check("within", &in);
  // A jump over the cut-off instruction never notices it.
  page[4091] = 0xeb, page[4092] = 0xf6;        // jmp back to 4083
  const u8 back[] = {0xff, 0xc1, 0x0f, 0x0b};  // inc %ecx; ud2
  memcpy(page + 4083, back, 4);
  probe(page + 4091, &in);
  probe_expect("jump over", SIGILL, ILL_ILLOPN, (u64)page + 4085, (u64)page + 4085);
  CHECK_EQ(probe_caught.registers.rcx, (unsigned)in.rcx + 1);
  // A loop that unmaps nothing but runs to the edge many times.
  for (int i = 0; i < 100; i++) {
    probe(page + 4094, &in);
    CHECK_EQ(probe_caught.signal, SIGSEGV);
  }
  return done();
}
