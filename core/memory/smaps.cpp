#include "core/memory/smaps.h"

#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <charconv>

namespace fred {

namespace {

/// Takes a number and the character behind it off the front. False: there is none.
bool take(std::string_view& line, u64& value, int base, char behind) {
  const auto got = std::from_chars(line.data(), line.data() + line.size(), value, base);
  if (got.ec != std::errc{} || got.ptr == line.data() + line.size() || *got.ptr != behind) return false;
  line.remove_prefix(static_cast<std::size_t>(got.ptr - line.data()) + 1);
  return true;
}

/// "55d0c000-55d0d000 r-xp 00001000 08:01 1234    /usr/bin/cat"
bool parse_line(std::string_view line, KernelMapping& m) {
  u64 major = 0, minor = 0;
  if (!take(line, m.range.begin.value, 16, '-') || !take(line, m.range.end.value, 16, ' ')) return false;
  if (line.size() < 5 || line[4] != ' ') return false;
  m.prot = (line[0] == 'r' ? PROT_READ : 0) | (line[1] == 'w' ? PROT_WRITE : 0) | (line[2] == 'x' ? PROT_EXEC : 0);
  m.shared = line[3] == 's';
  line.remove_prefix(5);
  if (!take(line, m.offset, 16, ' ') || !take(line, major, 16, ':') || !take(line, minor, 16, ' ')) return false;
  const auto end = std::min(line.find(' '), line.size());
  if (std::from_chars(line.data(), line.data() + end, m.ino).ec != std::errc{}) return false;
  m.dev = makedev(static_cast<unsigned>(major), static_cast<unsigned>(minor));
  line.remove_prefix(end);
  const auto path = line.find_first_not_of(' ');
  if (path != line.npos) m.path = line.substr(path);
  return true;
}

/// The two-letter words of VmFlags that matter here (Documentation/filesystems/proc.rst).
constexpr struct {
  std::string_view word;
  bool KernelMapping::*flag;
} flag_words[] = {
    {"mw", &KernelMapping::may_write}, {"gd", &KernelMapping::grows_down}, {"nr", &KernelMapping::no_reserve},
    {"ac", &KernelMapping::accounted}, {"dc", &KernelMapping::dont_fork},  {"wf", &KernelMapping::wipe_on_fork},
    {"io", &KernelMapping::device},    {"pf", &KernelMapping::device},
};

void parse_flags(std::string_view words, KernelMapping& m) {
  m.may_write = false;
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    for (const auto& f : flag_words) {
      if (words.substr(0, end) == f.word) m.*f.flag = true;
    }
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

}  // namespace

Result<std::vector<KernelMapping>> parse_smaps(std::string_view text) {
  constexpr std::string_view flags_line = "VmFlags: ";
  std::vector<KernelMapping> mappings;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    KernelMapping m;
    if (line.starts_with(flags_line)) {
      if (!mappings.empty()) parse_flags(line.substr(flags_line.size()), mappings.back());
    } else if (parse_line(line, m)) {
      mappings.push_back(std::move(m));
    } else if (line.find(':') == line.npos) {
      return fail("a line of smaps that cannot be read: " + std::string(line));
    }
  }
  return mappings;
}

}  // namespace fred
