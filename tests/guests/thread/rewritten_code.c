// A thread executes a function again and again that another one rewrites: with a handshake and a serialising instruction,
// with membarrier, and by patching the displacement of a call in one store while it is executed (as JIT compilers do).
// build: -pthread
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include "common.h"

enum { rounds = 100 };

static u8* code;
static volatile int version, seen, stop;

/// mov $value, %eax; ret
static void write_function(u8* at, int value) {
  at[0] = 0xb8;
  memcpy(at + 1, &value, 4);
  at[5] = 0xc3;
}
static int call(const u8* at) { return ((int (*)(void))(uintptr_t)at)(); }
static void serialise(void) {
  unsigned a = 0, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d)::"memory");
}

static void* executes(void* argument) {
  const int serialises = argument == NULL;
  for (int have = 0; have < rounds;) {
    const int now = __atomic_load_n(&version, __ATOMIC_ACQUIRE);
    if (now == have) {
      sched_yield();
      continue;
    }
    if (serialises) serialise();
    CHECK_EQ(call(code), now * 7);
    have = now;
    __atomic_store_n(&seen, now, __ATOMIC_RELEASE);
  }
  return NULL;
}

static void rewrites(int barrier) {
  pthread_t thread;
  version = seen = 0;
  pthread_create(&thread, NULL, executes, barrier ? (void*)1 : NULL);
  for (int i = 1; i <= rounds; i++) {
    write_function(code, i * 7);
    if (barrier) CHECK_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0), 0);
    __atomic_store_n(&version, i, __ATOMIC_RELEASE);
    while (__atomic_load_n(&seen, __ATOMIC_ACQUIRE) != i) sched_yield();
  }
  pthread_join(thread, NULL);
}

static void* calls(void* argument) {
  long sum = 0, last = 0;
  while (!stop) {
    const int got = call(code);
    CHECK(got == 1 || got == 2);
    sum += got != last;
    last = got;
  }
  *(long*)argument = sum;
  return NULL;
}

static void patched_while_executed(void) {
  pthread_t thread;
  long changes = 0;
  write_function(code + 64, 1), write_function(code + 128, 2);
  // call rel32, with the displacement in an aligned word; ret
  const int to[2] = {64 - 8, 128 - 8};
  memset(code, 0x90, 3), code[3] = 0xe8, memcpy(code + 4, &to[0], 4), code[8] = 0xc3;
  stop = 0;
  pthread_create(&thread, NULL, calls, &changes);
  for (int i = 1; i <= 100; i++) {
    __atomic_store_n((int*)(void*)(code + 4), to[i % 2], __ATOMIC_RELEASE);
    for (volatile int spin = 0; spin < 1000; spin++) {
    }
    if (i % 10 == 0) sched_yield();
  }
  stop = 1;
  pthread_join(thread, NULL);
  CHECK(changes <= 101);
}

/// Pages that nobody has written since they were executed, when the threads have ended.
static void rewritten_alone(void) {
  for (int i = 0; i < 3; i++) {
    u8* page = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (int value = 1; value <= 3; value++) {
      write_function(page, value);
      CHECK_EQ(call(page), value);
    }
  }
}

int main(void) {
  code = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  rewrites(0);
  MUST(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
  rewrites(1);
  patched_while_executed();
  rewritten_alone();
  return done();
}
