// String instructions with rep: whole, ended by their condition, and stopped in the middle by a fault whose
// handler lets them go on. tests/unit/control_test.cpp stops within them.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static unsigned char *target;
static int faults;

static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  faults++;
  unsigned char *page = (unsigned char *)((unsigned long)info->si_addr & ~4095ul);
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void copy(void *to, const void *from, unsigned long n) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}
static void fill(void *to, unsigned long value, unsigned long words) {
  __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(value) : "memory");
}
static unsigned long equal_bytes(const void *a, const void *b, unsigned long n) {
  const unsigned long all = n;
  __asm__ volatile("xor %%eax, %%eax; repe cmpsb" : "+D"(a), "+S"(b), "+c"(n) : : "memory", "rax", "cc");
  return all - n;
}
static unsigned long scan(const void *a, unsigned char c, unsigned long n) {
  const unsigned long all = n;
  __asm__ volatile("repne scasb" : "+D"(a), "+c"(n) : "a"(c) : "memory", "cc");
  return all - n;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  target = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(target + 4096, 4096, PROT_NONE);
  static unsigned char source[3 * 4096];
  for (unsigned i = 0; i < sizeof source; i++) source[i] = (unsigned char)(i * 7 + i / 256);
  copy(target + 4000, source, 5000);  // faults once in the middle
  printf("%d %d\n", faults, memcmp(target + 4000, source, 5000));
  fill(target, 0x4142434445464748, 512);
  printf("%.8s %lu\n", (char *)target, scan(target, 'A', 4096));
  source[100] ^= 1;
  copy(target, source, 300);
  source[200] ^= 1;
  printf("%lu %lu\n", equal_bytes(target, source, 300), equal_bytes(target, source, 150));
  mprotect(target + 8192, 4096, PROT_READ);
  fill(target + 8192 - 64, 1, 16);  // and again
  printf("%d\n", faults);
  return 0;
}
