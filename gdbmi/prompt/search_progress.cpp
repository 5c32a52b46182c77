#include "gdbmi/prompt/search_progress.h"

#include <fmt/format.h>
#include <unistd.h>

namespace fred {

namespace {
void show(std::string_view text) { (void)!write(STDOUT_FILENO, text.data(), text.size()); }
}  // namespace

void SearchProgress::begin() {
  interrupt_.clear();
  next_ = Clock::now() + std::chrono::milliseconds(700);
}

void SearchProgress::clear() {
  if (std::exchange(shown_, false)) show("\r\033[K");
}

bool SearchProgress::go_on(double fraction, std::string_view what) {
  if (interrupt_.requested()) return false;
  if (const auto now = Clock::now(); terminal_ && now >= next_) {
    next_ = now + std::chrono::milliseconds(100);
    shown_ = true;
    const auto part = fraction < 0 ? std::string() : fmt::format("{:3.0f}%  ", fraction * 100);
    show(fmt::format("\r{}{}  (Ctrl-C ends the search)\033[K", part, what));
  }
  return true;
}

}  // namespace fred
