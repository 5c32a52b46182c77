// Which signal a load or a store raises.
#pragma once
#include <setjmp.h>
#include "common.h"

static sigjmp_buf out;
static volatile unsigned* fault_at;
static void leave_fault(int signal, siginfo_t* info, void* context) {
  (void)context;
  fault_at = info->si_addr;
  siglongjmp(out, signal);
}
/// The signal that a store, or a load, raises; 0: none.
static int signal_of_store(volatile unsigned* word) {
  const int signal = sigsetjmp(out, 1);
  if (signal == 0) *word = 77;
  CHECK(signal == 0 || fault_at == word);
  return signal;
}
static int signal_of_load(volatile unsigned* word) {
  const int signal = sigsetjmp(out, 1);
  if (signal == 0) (void)*word;
  CHECK(signal == 0 || fault_at == word);
  return signal;
}

static void catch_faults(void) {
  on_signal(SIGSEGV, leave_fault, 0);
  on_signal(SIGBUS, leave_fault, 0);
}
