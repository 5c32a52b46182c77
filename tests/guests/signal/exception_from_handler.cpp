// A C++ exception thrown by a handler for a synchronous fault, through the signal frame.
// build: -fnon-call-exceptions
#include <iostream>
#include <string>

#include "common.h"

namespace {
volatile int* volatile nowhere;

void throw_it(int, siginfo_t*, void*) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGSEGV);
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  throw std::string("null pointer");
}

struct Guard {
  int* count;
  ~Guard() { ++*count; }
};
}  // namespace

int main() {
  on_signal(SIGSEGV, throw_it, 0);
  int caught = 0, destroyed = 0;
  for (int i = 0; i < 100; ++i) {
    try {
      const Guard guard{&destroyed};
      *nowhere = i;
    } catch (const std::string& text) {
      caught += text == "null pointer";
    }
  }
  std::cout << caught << ' ' << destroyed << std::endl;
  return done();
}
