#include "gdbmi/prompt/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace fred {

namespace {

volatile sig_atomic_t g_event = -1;

void handle(int) {
  const std::uint64_t one = 1;
  (void)!write(g_event, &one, sizeof one);
}

}  // namespace

Interrupt::Interrupt() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  g_event = event_.get();
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

Interrupt::~Interrupt() { std::signal(SIGINT, SIG_DFL); }

bool Interrupt::requested() const {
  pollfd event{event_.get(), POLLIN, 0};
  return poll(&event, 1, 0) == 1;
}

void Interrupt::clear() {
  std::uint64_t count;
  (void)!read(event_.get(), &count, sizeof count);
}

}  // namespace fred
