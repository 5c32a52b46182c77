// System calls and faults while AC is set: unaligned accesses of the program fault, those of the system do not.
#include "common.h"

#include <setjmp.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

static long checked_call(long number, const void* a, const void* b, const void* c, const void* d) {
  long result;
  register const void* r10 __asm__("r10") = d;
  __asm__ volatile(
      "pushfq\n orl $0x40000, (%%rsp)\n popfq\n"
      "syscall\n"
      "pushfq\n andl $~0x40000, (%%rsp)\n popfq"
      : "=a"(result)
      : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
      : "rcx", "r11", "memory", "cc");
  return result;
}

static sigjmp_buf back;
static volatile int caught, code;
static void on_bus(int signal, siginfo_t* info, void* context) {
  __asm__ volatile("pushfq\n andl $~0x40000, (%%rsp)\n popfq" : : : "memory", "cc");  // the kernel leaves it set
  (void)context;
  caught = signal;
  code = info->si_code;
  siglongjmp(back, 1);
}

int main(void) {
  static char room[4096];
  char* odd = room + 1;
  for (int round = 0; round < 3; round++, odd += 2) {
    CHECK_EQ(checked_call(SYS_uname, odd, 0, 0, 0), 0);
    CHECK(strcmp(odd, "Linux") == 0);
    strcpy(odd + 1024, "/proc/self/status");
    const long fd = checked_call(SYS_openat, (void*)AT_FDCWD, odd + 1024, 0, 0);
    CHECK(fd >= 0);
    CHECK_EQ(checked_call(SYS_read, (void*)fd, odd, (void*)5, 0), 5);
    CHECK(memcmp(odd, "Name:", 5) == 0);
    struct iovec two[2] = {{odd + 100, 3}, {odd + 203, 7}};
    memcpy(odd + 2048, two, sizeof two);
    CHECK_EQ(checked_call(SYS_readv, (void*)fd, odd + 2048, (void*)2, 0), 10);
    CHECK_EQ(checked_call(SYS_fstat, (void*)fd, odd, 0, 0), 0);
    CHECK_EQ(checked_call(SYS_close, (void*)fd, 0, 0, 0), 0);
    CHECK_EQ(checked_call(SYS_clock_gettime, (void*)CLOCK_MONOTONIC, odd, 0, 0), 0);
    CHECK_EQ(checked_call(SYS_getcwd, odd, (void*)512, 0, 0), (long)strlen(odd) + 1);
    CHECK_EQ(checked_call(SYS_rt_sigprocmask, (void*)SIG_BLOCK, 0, odd, (void*)8), 0);
  }

  struct sigaction action = {.sa_flags = SA_SIGINFO};
  action.sa_sigaction = on_bus;
  MUST(sigaction(SIGBUS, &action, NULL));
  if (sigsetjmp(back, 1) == 0) {
    __asm__ volatile("pushfq\n orl $0x40000, (%%rsp)\n popfq\n mov %0, %%eax" : : "m"(room[1]) : "eax", "memory", "cc");
  }
  CHECK_EQ(caught, SIGBUS);
  CHECK_EQ(code, BUS_ADRALN);
  return done();
}
