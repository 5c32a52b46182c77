// Runs a piece of code with every register known, and catches the signal that it raises with the whole
// state at that moment. The handler runs on a stack of its own, so rsp may be anything.
#pragma once
#include "common.h"

#include <ucontext.h>

typedef struct {
  u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, flags;
} Registers;

typedef struct {
  int signal, code, trap, error;  // signal is 0 if the code came back by itself
  u64 address, rip;
  Registers registers;
} Caught;

static Caught probe_caught;
u64 probe_stack, probe_target;
void probe_run(const void* code, const Registers* in);
void probe_back(void);

__asm__(
    ".text\n"
    "probe_run: push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    " mov %rsp, probe_stack(%rip)\n mov %rdi, probe_target(%rip)\n push 128(%rsi)\n popfq\n"
    " mov 0(%rsi), %rax\n mov 8(%rsi), %rbx\n mov 16(%rsi), %rcx\n mov 24(%rsi), %rdx\n mov 40(%rsi), %rdi\n"
    " mov 48(%rsi), %rbp\n mov 56(%rsi), %rsp\n mov 64(%rsi), %r8\n mov 72(%rsi), %r9\n mov 80(%rsi), %r10\n"
    " mov 88(%rsi), %r11\n mov 96(%rsi), %r12\n mov 104(%rsi), %r13\n mov 112(%rsi), %r14\n mov 120(%rsi), %r15\n"
    " mov 32(%rsi), %rsi\n jmp *probe_target(%rip)\n"
    "probe_back: mov probe_stack(%rip), %rsp\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
    " cld\n ret\n");

static void probe_handler(int sig, siginfo_t* info, void* context) {
  greg_t* g = ((ucontext_t*)context)->uc_mcontext.gregs;
  probe_caught =
      (Caught){.signal = sig,
               .code = info->si_code,
               .trap = (int)g[REG_TRAPNO],
               .error = (int)g[REG_ERR],
               .address = (u64)info->si_addr,
               .rip = (u64)g[REG_RIP],
               .registers = {(u64)g[REG_RAX], (u64)g[REG_RBX], (u64)g[REG_RCX], (u64)g[REG_RDX], (u64)g[REG_RSI],
                             (u64)g[REG_RDI], (u64)g[REG_RBP], (u64)g[REG_RSP], (u64)g[REG_R8], (u64)g[REG_R9],
                             (u64)g[REG_R10], (u64)g[REG_R11], (u64)g[REG_R12], (u64)g[REG_R13], (u64)g[REG_R14],
                             (u64)g[REG_R15], (u64)g[REG_EFL]}};
  g[REG_RIP] = (greg_t)(uintptr_t)probe_back;
  g[REG_EFL] &= ~0x40500;  // AC, DF, TF
}

/// Call once: handlers for every fault, on an alternate stack.
__attribute__((unused)) static void probe_setup(void) {
  const stack_t stack = {.ss_sp = map_pages(16, PROT_READ | PROT_WRITE), .ss_size = 16 * 4096};
  MUST(sigaltstack(&stack, NULL));
  static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (int i = 0; i < 5; i++) on_signal(signals[i], probe_handler, SA_ONSTACK);
}

/// A register pattern, each register with a value of its own; rsp is the middle of real stack memory.
__attribute__((unused)) static Registers probe_pattern(void) {
  static u8* stack;
  if (!stack) stack = map_pages(4, PROT_READ | PROT_WRITE) + 2 * 4096;
  return (Registers){0xa0a0a0a0a0a0a0a0,
                     0xb1b1b1b1b1b1b1b1,
                     0xc2c2c2c2c2c2c2c2,
                     0xd3d3d3d3d3d3d3d3,
                     0xe4e4e4e4e4e4e4e4,
                     0xf5f5f5f5f5f5f5f5,
                     0x0606060606060606,
                     (u64)stack,
                     0x1818181818181818,
                     0x2929292929292929,
                     0x3a3a3a3a3a3a3a3a,
                     0x4b4b4b4b4b4b4b4b,
                     0x5c5c5c5c5c5c5c5c,
                     0x6d6d6d6d6d6d6d6d,
                     0x7e7e7e7e7e7e7e7e,
                     0x8f8f8f8f8f8f8f8f,
                     0x8d7};
}

/// Runs `code` with `in`; the state at the signal, or signal 0.
__attribute__((unused)) static const Caught* probe(const void* code, const Registers* in) {
  probe_caught.signal = 0;
  probe_run(code, in);
  return &probe_caught;
}

/// All registers and the arithmetic flags of the last probe are `want`.
__attribute__((unused)) static void probe_check(const char* name, const Registers* want) {
  static const char* const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",  "r8",
                                      "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "flags"};
  const u64* got = &probe_caught.registers.rax;
  for (int i = 0; i < 17; i++) {
    const u64 mask = i == 16 ? 0xcd5 : ~0ULL;
    if ((got[i] & mask) != ((&want->rax)[i] & mask))
      failures++, printf("FAIL %s: %s is %#llx, not %#llx\n", name, names[i], got[i], (&want->rax)[i]);
  }
}

/// What is to be compared besides the registers.
__attribute__((unused)) static void probe_expect(const char* name, int sig, int code, u64 address, u64 rip) {
  const Caught* c = &probe_caught;
  if (c->signal != sig || c->code != code || c->address != address || c->rip != rip)
    failures++, printf("FAIL %s: signal %d code %d address %#llx rip %#llx, not %d %d %#llx %#llx\n", name, c->signal,
                       c->code, c->address, c->rip, sig, code, address, rip);
}

/// Code `code_NAME`: `before`, then at `at_NAME` the instruction that faults, then back. `twin_NAME` is
/// `before` and ud2: its probe tells what the registers must be when the fault is reached.
#define SNIPPET(name, before, fault)                                                    \
  __asm__(".text\n code_" #name ": " before "\n at_" #name ": " fault "\n after_" #name \
          ": jmp probe_back\n"                                                          \
          "twin_" #name ": " before "\n ud2\n");                                        \
  extern const u8 code_##name[], at_##name[], after_##name[], twin_##name[]

typedef struct {
  const char* name;
  const u8 *code, *at, *after, *twin;
} Snippet;
#define SNIPPET_ROW(name) \
  { #name, code_##name, at_##name, after_##name, twin_##name }

/// Probes the snippet: it must raise this at its instruction, with all registers as they were before it.
__attribute__((unused)) static void probe_exact(const Snippet* s, const Registers* in, int sig, int code, u64 address) {
  probe(s->twin, in);
  CHECK_EQ(probe_caught.signal, SIGILL);
  const Registers want = probe_caught.registers;
  probe(s->code, in);
  probe_expect(s->name, sig, code, address, (u64)s->at);
  probe_check(s->name, &want);
}
