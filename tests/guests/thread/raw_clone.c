// clone and clone3 without a library: where ids go, what becomes of them, segment bases; flags that do not go
// together.
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include "common.h"

enum {
  thread_flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
  stack_size = 64 << 10,
};

static volatile int parent_tid, child_tid, cleared, own_tid, fs_word;

/// Runs in the new thread, without a library's thread data: system calls alone.
static void body(void) {
  long tid, word;
  __asm__ volatile("syscall" : "=a"(tid) : "a"(SYS_gettid) : "rcx", "r11", "memory");
  __asm__ volatile("mov %%fs:0, %0" : "=r"(word));
  own_tid = (int)tid;
  fs_word = (int)word;
  __asm__ volatile("syscall" : : "a"(SYS_exit), "D"(0) : "rcx", "r11", "memory");
}

/// A thread that runs body(); -errno as the kernel gives it.
static long start(long number, unsigned long a, unsigned long b, volatile int* parent, volatile int* child, void* tls) {
  register long r10 __asm__("r10") = (long)child;
  register long r8 __asm__("r8") = (long)tls;
  register void (*r12)(void) __asm__("r12") = body;
  long result;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "call *%%r12\n"
      "1:"
      : "=a"(result)
      : "a"(number), "D"(a), "S"(b), "d"(parent), "r"(r10), "r"(r8), "r"(r12)
      : "rcx", "r11", "memory");
  return result;
}

static void wait_cleared(volatile int* word) {
  for (int seen; (seen = *word) != 0;) syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL);
}

static long words[2] = {4711, 4712};

static void ids(void* top) {
  child_tid = cleared = -1;
  const long tid = start(SYS_clone, thread_flags | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_SETTLS,
                         (unsigned long)top, &parent_tid, &cleared, &words[0]);
  CHECK(tid > 0);
  wait_cleared(&cleared);
  CHECK_EQ(parent_tid, tid);
  CHECK_EQ(own_tid, tid);
  CHECK_EQ(fs_word, 4711);
  CHECK_EQ(child_tid, -1);

  const unsigned long both = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_SETTLS;
  struct clone_args args = {.flags = thread_flags | both | CLONE_PARENT_SETTID,
                            .child_tid = (uint64_t)&child_tid,
                            .parent_tid = (uint64_t)&parent_tid,
                            .stack = (uint64_t)top - stack_size,
                            .stack_size = stack_size,
                            .tls = (uint64_t)&words[1]};
  const long other = start(SYS_clone3, (unsigned long)&args, sizeof args, NULL, NULL, NULL);
  CHECK(other > 0 && other != tid);
  wait_cleared(&child_tid);
  CHECK_EQ(parent_tid, other);
  CHECK_EQ(own_tid, other);
  CHECK_EQ(fs_word, 4712);
}

static void refused(void* top) {
  static const struct {
    unsigned long flags;
    int error;
  } rows[] = {
      {CLONE_THREAD, EINVAL},
      {CLONE_THREAD | CLONE_SIGHAND, EINVAL},
      {CLONE_THREAD | CLONE_VM, EINVAL},
      {CLONE_SIGHAND, EINVAL},
      {thread_flags | CLONE_NEWNS, EINVAL},
      {thread_flags | CLONE_NEWUSER, EINVAL},
      {thread_flags | CLONE_NEWPID, EINVAL},
      {thread_flags | CLONE_NEWIPC, EINVAL},
  };
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_EQ(start(SYS_clone, rows[i].flags, (unsigned long)top, NULL, NULL, NULL), -rows[i].error);
  CHECK_EQ(start(SYS_clone, thread_flags | CLONE_SETTLS, (unsigned long)top, NULL, NULL, (void*)(1ul << 63)), -EPERM);

  const uint64_t stack = (uint64_t)top - stack_size;
  const struct clone_args bad[] = {
      {.flags = thread_flags, .exit_signal = SIGCHLD, .stack = stack, .stack_size = stack_size},
      {.flags = thread_flags | 17, .stack = stack, .stack_size = stack_size},
      {.flags = thread_flags, .stack = stack},
      {.flags = thread_flags, .stack_size = stack_size},
      {.flags = thread_flags | 1ull << 40, .stack = stack, .stack_size = stack_size},
      {.flags = thread_flags | CLONE_CLEAR_SIGHAND, .stack = stack, .stack_size = stack_size},
      {.flags = CLONE_DETACHED},
      {.exit_signal = 300},
  };
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_EQ(start(SYS_clone3, (unsigned long)&bad[i], sizeof bad[i], NULL, NULL, NULL), -EINVAL);
  CHECK_EQ(start(SYS_clone3, (unsigned long)&bad[0], 32, NULL, NULL, NULL), -EINVAL);
  struct {
    struct clone_args args;
    uint64_t more;
  } longer = {{.flags = thread_flags, .stack = stack, .stack_size = stack_size}, 1};
  CHECK_EQ(start(SYS_clone3, (unsigned long)&longer, sizeof longer, NULL, NULL, NULL), -E2BIG);
  CHECK_EQ(start(SYS_clone3, (unsigned long)&longer, 1 << 20, NULL, NULL, NULL), -E2BIG);
}

int main(void) {
  char* top = (char*)map_pages(stack_size / 4096, PROT_READ | PROT_WRITE) + stack_size;
  ids(top);
  refused(top);
  return done();
}
