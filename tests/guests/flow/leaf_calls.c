// Calls of short straight-line functions, through which a block runs (core/translate/leaf.h): below and above the call,
// one that returns elsewhere, one that faults, one that finds its own return address, one whose code changes.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include "../common.h"

u64 leaf_before(u64), leaf_after(u64), call_both(u64), elsewhere(void), own_return(void), load(const u64*);
__asm__(
    ".text\n"
    "leaf_before: lea 1(%rdi),%rax\n ret\n"
    "load: mov (%rdi),%rax\n ret\n"
    "call_both: push %rbx\n mov %rdi,%rbx\n call leaf_before\n stc\n mov %rax,%rdi\n call leaf_after\n"
    " jnc 1f\n add $1000,%rax\n 1: pop %rbx\n ret\n"  // lea keeps the carry: 1000 is added
    "leaf_after: lea (%rdi,%rdi),%rax\n ret\n"
    "further: addq $7,(%rsp)\n ret\n"                              // returns over the 7 bytes behind its call
    "elsewhere: mov $1,%eax\n call further\n mov $2,%rax\n ret\n"  // mov $2,%rax has 7 bytes
    "peek: mov (%rsp),%rax\n repz ret\n"
    "own_return: call peek\n 2: lea 2b(%rip),%rcx\n sub %rcx,%rax\n ret\n");

static sigjmp_buf after_fault;
static void on_fault(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  printf("fault at %p\n", info->si_addr);
  siglongjmp(after_fault, 1);
}

int main(void) {
  u64 sum = 0;
  for (u64 i = 0; i < 1000; i++) sum += call_both(i);
  CHECK_EQ(sum, 1000ull * 999 + 2000 + 1000000);
  for (int i = 0; i < 10; i++) {
    CHECK_EQ(elsewhere(), 1);
    CHECK_EQ(own_return(), 0);
  }
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  MUST(sigaction(SIGSEGV, &action, NULL));
  const u64 value = 42;
  for (int i = 0; i < 4; i++) {
    if (sigsetjmp(after_fault, 1) == 0) CHECK_EQ(load(i % 2 == 0 ? &value : (const u64*)(u64)(0x1000 + i)), 42);
  }

  // mov $N, %eax; ret, called by code beside it: call -11; add $1, %eax; ret
  static const u8 leaf[] = {0xb8, 5, 0, 0, 0, 0xc3, 0xe8, 0xf5, 0xff, 0xff, 0xff, 0x83, 0xc0, 1, 0xc3};
  u8* code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(code != MAP_FAILED);
  memcpy(code, leaf, sizeof leaf);
  for (int i = 0; i < 50; i++) {
    code[1] = (u8)i;
    CHECK_EQ(((int (*)(void))(code + 6))(), i + 1);
  }
  return done();
}
