// Shared by the guest programs. A guest checks itself: what cannot be printed because it varies from run
// to run is compared here, and the program ends with "ok". A failed check prints a line with FAIL.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned long long u64;
typedef unsigned char u8;

static int failures __attribute__((unused));

#define CHECK(cond)                                                         \
  do {                                                                      \
    if (!(cond)) failures++, printf("FAIL line %d: %s\n", __LINE__, #cond); \
  } while (0)

/// Compares two integers and prints both when they differ.
#define CHECK_EQ(got, want)                                                                                       \
  do {                                                                                                            \
    const long long got_ = (long long)(got), want_ = (long long)(want);                                           \
    if (got_ != want_)                                                                                            \
      failures++, printf("FAIL line %d: %s is %lld (%#llx), not %lld (%#llx)\n", __LINE__, #got, got_, (u64)got_, \
                         want_, (u64)want_);                                                                      \
  } while (0)

/// The call must fail with this errno.
#define CHECK_ERR(call, error)                                                                                       \
  do {                                                                                                               \
    errno = 0;                                                                                                       \
    const long long result_ = (long long)(call);                                                                     \
    if (result_ != -1 || errno != (error))                                                                           \
      failures++,                                                                                                    \
          printf("FAIL line %d: %s gives %lld, errno %d, not errno %d\n", __LINE__, #call, result_, errno, (error)); \
  } while (0)

/// The call must succeed; its value. The program ends if it does not.
#define MUST(call)                                                        \
  ({                                                                      \
    __typeof__(call) must_ = (call);                                      \
    if ((long long)must_ == -1) {                                         \
      printf("FAIL line %d: %s: %s\n", __LINE__, #call, strerror(errno)); \
      exit(1);                                                            \
    }                                                                     \
    must_;                                                                \
  })

/// The last line of a guest and its exit status.
__attribute__((unused)) static int done(void) {
  if (failures == 0) puts("ok");
  return failures != 0;
}

/// Anonymous memory of `pages` pages with protection `prot`.
__attribute__((unused)) static u8* map_pages(size_t pages, int prot) {
  return (u8*)MUST(mmap(NULL, pages * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

/// Installs a handler that takes (signal, siginfo, ucontext).
__attribute__((unused)) static void on_signal(int sig, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_sigaction = handler;
  sa.sa_flags = SA_SIGINFO | flags;
  sigemptyset(&sa.sa_mask);
  MUST(sigaction(sig, &sa, NULL));
}

/// A set of up to three signals (0: none).
__attribute__((unused)) static sigset_t signal_set(int a, int b, int c) {
  sigset_t set;
  sigemptyset(&set);
  if (a) sigaddset(&set, a);
  if (b) sigaddset(&set, b);
  if (c) sigaddset(&set, c);
  return set;
}
