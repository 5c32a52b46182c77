// A register that counts the quarters of a long loop, in two threads that take turns within it.
// build: -O1 -g -pthread
#include <pthread.h>
#include <stdio.h>

// (The loop has a million turns: what stops at each instruction does not come to its end within a test.)
static __attribute__((noinline)) long quarters(long turns) {
  long result;
  __asm__ volatile(
      "xor %%r12d, %%r12d\n\t"
      "mov %1, %%rcx\n"
      "1:\n\t"
      "lea (%%rcx,%%rcx), %%rax\n\t"
      "test $0x3ffff, %%ecx\n\t"
      "jnz 2f\n\t"
      "inc %%r12\n"
      "2:\n\t"
      "dec %%rcx\n\t"
      "jnz 1b\n\t"
      "mov %%r12, %0"
      : "=r"(result)
      : "r"(turns)
      : "rax", "rcx", "r12", "cc");
  return result;
}

static void report(const char* who, long n) {
  printf("%s: ", who);
  printf("%ld quarters\n", n);
  fflush(stdout);
}

static void* other(void* turns) {
  return (void*)quarters((long)turns);
}

int main(void) {
  report("alone", quarters(1 << 20));
  pthread_t thread;
  pthread_create(&thread, NULL, other, (void*)(4L << 20));
  long n = quarters(2 << 20);
  void* result;
  pthread_join(thread, &result);
  report("main", n);
  report("other", (long)result);
  return 0;
}
