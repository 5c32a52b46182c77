// Output that goes out as a whole.
#pragma once
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace fred {

/// Writes all of it, or as much as goes before an error; false then.
inline bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace fred
