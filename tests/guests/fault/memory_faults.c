// Loads, stores, pushes, pops, calls and returns that fault: the signal, its code and address, rip and
// all registers are exactly those of the faulting instruction, which has done nothing.
#include "fault/probe.h"

SNIPPET(load, "add %rdx, %rax", "mov (%rbx), %rcx");
SNIPPET(load_byte, "sub $1, %r8", "movzbl 3(%rbx), %eax");
SNIPPET(load_add, "stc", "adc (%rbx), %rcx");
SNIPPET(load_index, "mov $2, %ecx", "mov (%rbx, %rcx, 8), %rdx");
SNIPPET(store, "inc %r9", "mov %rax, (%rbx)");
SNIPPET(store_imm, "xor %r10d, %r10d", "movq $-1, 8(%rbx)");
SNIPPET(modify, "clc", "addq $1, (%rbx)");
SNIPPET(locked, "clc", "lock incq (%rbx)");
SNIPPET(exchange, "nop", "xchg %rax, (%rbx)");
SNIPPET(compare, "cmp %rax, %rax", "cmpq $5, (%rbx)");
SNIPPET(push_register, "nop", "push %rax");
SNIPPET(push_memory, "lea 1(%rax), %rax", "push (%rbx)");
SNIPPET(pop_register, "nop", "pop %rax");
SNIPPET(pop_memory, "lea 1(%rax), %rax", "pop (%rbx)");
SNIPPET(push_flags, "std", "pushfq");
SNIPPET(call_direct, "nop", "call probe_back");
SNIPPET(call_load, "dec %rcx", "call *(%rbx)");
SNIPPET(jump_load, "dec %rcx", "jmp *8(%rbx)");
SNIPPET(return_load, "dec %rcx", "ret");
SNIPPET(enter_frame, "nop", "enter $16, $0");
SNIPPET(leave_frame, "nop", "leave");
SNIPPET(sse_load, "nop", "movups (%rbx), %xmm0");
SNIPPET(sse_store, "nop", "movups %xmm0, (%rbx)");
SNIPPET(x87_load, "nop", "fldt (%rbx)");
SNIPPET(fs_load, "nop", "mov %fs:(%rbx), %rax");
SNIPPET(gs_load, "nop", "mov %gs:0x18, %rax");
SNIPPET(absolute, "nop", "mov 0x20, %eax");

typedef struct {
  Snippet snippet;
  int offset;    // of the address from rbx (or rsp)
  int write;     // the access is a store
  int on_stack;  // it goes through rsp
} Row;
#define ROW(name, ...) \
  { SNIPPET_ROW(name), __VA_ARGS__ }
static const Row rows[] = {
    ROW(load, 0, 0, 0),         ROW(load_byte, 3, 0, 0),  ROW(load_add, 0, 0, 0),       ROW(load_index, 16, 0, 0),
    ROW(store, 0, 1, 0),        ROW(store_imm, 8, 1, 0),  ROW(modify, 0, 1, 0),         ROW(locked, 0, 1, 0),
    ROW(exchange, 0, 1, 0),     ROW(compare, 0, 0, 0),    ROW(push_register, -8, 1, 1), ROW(push_memory, 0, 0, 0),
    ROW(pop_register, 0, 0, 1), ROW(pop_memory, 0, 1, 0), ROW(push_flags, -8, 1, 1),    ROW(call_direct, -8, 1, 1),
    ROW(call_load, 0, 0, 0),    ROW(jump_load, 8, 0, 0),  ROW(return_load, 0, 0, 1),    ROW(enter_frame, -8, 1, 1),
    ROW(sse_load, 0, 0, 0),     ROW(sse_store, 0, 1, 0),  ROW(x87_load, 0, 0, 0),
};
static const Snippet leave_frame = SNIPPET_ROW(leave_frame), gs_load = SNIPPET_ROW(gs_load),
                     fs_load = SNIPPET_ROW(fs_load), absolute = SNIPPET_ROW(absolute), store = SNIPPET_ROW(store);

int main(void) {
  probe_setup();
  probe_pattern();
  u8* none = map_pages(1, PROT_NONE);
  u8* readonly = map_pages(1, PROT_READ);
  u8* two = map_pages(2, PROT_READ | PROT_WRITE);
  MUST(mprotect(two + 4096, 4096, PROT_READ));
  u8* hole = map_pages(3, PROT_NONE) + 4096;
  MUST(munmap(hole, 4096));
  struct {
    u8* at;
    int code;
  } places[] = {{hole + 256, SEGV_MAPERR}, {none + 256, SEGV_ACCERR}, {readonly + 256, SEGV_ACCERR}};
  Registers in;
  for (int round = 0; round < 3; round++)
    for (unsigned r = 0; r < sizeof rows / sizeof *rows; r++)
      for (int p = 0; p < 3; p++) {
        const Row* row = &rows[r];
        if (p == 2 && !row->write) continue;
        in = probe_pattern();
        *(row->on_stack ? &in.rsp : &in.rbx) = (u64)places[p].at;
        probe_exact(&row->snippet, &in, SIGSEGV, places[p].code, (u64)places[p].at + row->offset);
        CHECK_EQ(probe_caught.trap, 14);
        CHECK_EQ(probe_caught.error & ~1, 4 | row->write << 1);
      }
  in = probe_pattern();
  in.rbp = (u64)hole;
  probe_exact(&leave_frame, &in, SIGSEGV, SEGV_MAPERR, in.rbp);
  probe_exact(&gs_load, &in, SIGSEGV, SEGV_MAPERR, 0x18);
  probe_exact(&absolute, &in, SIGSEGV, SEGV_MAPERR, 0x20);
  u64 fs;
  __asm__("mov %%fs:0, %0" : "=r"(fs));
  in.rbx = (u64)hole - fs;
  probe_exact(&fs_load, &in, SIGSEGV, SEGV_MAPERR, (u64)hole);
  // A store that crosses into a page that it may not write changes nothing in the first.
  in.rbx = (u64)two + 4092;
  probe_exact(&store, &in, SIGSEGV, SEGV_ACCERR, (u64)two + 4096);
  for (int i = 4088; i < 4096; i++) CHECK_EQ(two[i], 0);
  return done();
}
