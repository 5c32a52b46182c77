#include "core/memory/own_maps.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>

#include "core/base/raw_syscall.h"

namespace fred {

namespace {

/// Behind range, protection, offset, device and inode.
std::string_view last_column(std::string_view line) {
  for (int column = 0; column < 5; ++column) line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

}  // namespace

OwnMaps::OwnMaps() : file_(raw_syscall(SYS_open, reinterpret_cast<u64>("/proc/self/maps"), O_RDONLY | O_CLOEXEC)) {}

OwnMaps::~OwnMaps() {
  if (!is_error(file_)) raw_syscall(SYS_close, static_cast<u64>(file_));
}

/// More text behind what is left. False: there is none, or no room.
bool OwnMaps::fill() {
  std::copy(text_ + begin_, text_ + end_, text_);
  end_ -= begin_;
  begin_ = 0;
  const i64 n =
      raw_syscall(SYS_read, static_cast<u64>(file_), reinterpret_cast<u64>(text_ + end_), sizeof text_ - end_);
  if (n <= 0) return false;
  end_ += static_cast<std::size_t>(n);
  return true;
}

bool OwnMaps::next(Line& line) {
  std::size_t size;
  while ((size = std::string_view(text_ + begin_, end_ - begin_).find('\n')) == std::string_view::npos) {
    if (!fill()) return false;
  }
  const std::string_view text(text_ + begin_, size);
  begin_ += text.size() + 1;
  const char* const last = text.data() + text.size();
  const auto first = std::from_chars(text.data(), last, line.range.begin.value, 16);
  if (first.ec != std::errc{} || first.ptr == last) return false;
  if (std::from_chars(first.ptr + 1, last, line.range.end.value, 16).ec != std::errc{}) return false;
  line.name = last_column(text);
  return true;
}

}  // namespace fred
