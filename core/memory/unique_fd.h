// A descriptor of the engine's own that is closed when it goes out of scope.
#pragma once
#include <sys/syscall.h>

#include <utility>

#include "core/base/raw_syscall.h"

namespace fred {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(i64 fd) : fd_(fd < 0 ? -1 : static_cast<int>(fd)) {}
  UniqueFd(UniqueFd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& o) noexcept {
    if (this != &o) {
      reset();
      fd_ = std::exchange(o.fd_, -1);
    }
    return *this;
  }
  ~UniqueFd() { reset(); }
  int get() const { return fd_; }
  /// Somebody else closes it.
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) raw_syscall(SYS_close, static_cast<u64>(fd_));
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

}  // namespace fred
