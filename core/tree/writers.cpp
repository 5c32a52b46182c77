#include "core/tree/writers.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "core/base/number.h"
#include "core/base/outside.h"
#include "core/base/raw_syscall.h"
#include "core/memory/unique_fd.h"

namespace fred {

namespace {

/// The file as a whole; empty if it cannot be read.
std::string read_outside(const std::string& path) {
  std::string text;
  const UniqueFd file{open_outside(path, O_RDONLY | O_CLOEXEC)};
  if (!file) return text;
  constexpr u64 piece = 1 << 16;
  for (;;) {
    const auto before = text.size();
    text.resize(before + piece);
    const ssize_t n = read(file.get(), text.data() + before, piece);
    text.resize(before + static_cast<u64>(std::max<ssize_t>(n, 0)));
    if (n <= 0) return text;
  }
}

template <class Function>
void for_each_line(std::string_view text, Function&& function) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (const auto line = parse_maps_line(text.substr(0, end))) function(*line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// Takes a number of that base off the front, and the one character behind it.
bool take(std::string_view& text, u64& number, int base, char behind) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  const auto size = static_cast<u64>(end - text.data());
  if (error != std::errc{} || size >= text.size() || text[size] != behind) return false;
  text.remove_prefix(size + 1);
  return true;
}

/// Calls `function` with the name of each entry of the folder.
template <class Function>
void for_each_entry(int folder, Function&& function) {
  alignas(8) char entries[1 << 14];
  constexpr u64 length_at = 16, name_at = 19;  // struct linux_dirent64
  for (;;) {
    const ssize_t n =
        raw_syscall(SYS_getdents64, static_cast<u64>(folder), reinterpret_cast<u64>(entries), sizeof entries);
    if (n <= 0) return;
    for (u64 at = 0; at < static_cast<u64>(n);) {
      u16 length;
      std::memcpy(&length, entries + at + length_at, sizeof length);
      function(entries + at + name_at);
      at += length;
    }
  }
}

/// The numbers of all processes but this one.
std::vector<i32> other_processes() {
  std::vector<i32> found;
  const UniqueFd folder{open_outside("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) return found;
  for_each_entry(folder.get(), [&](const char* name) {
    const auto pid = whole_number<i32>(std::string_view(name));
    if (pid && *pid != getpid()) found.push_back(*pid);
  });
  return found;
}

/// Those of the objects that the process has open for writing.
void find_open(i32 pid, const std::vector<MappedObject>& objects, std::vector<MappedObject>& found) {
  const UniqueFd folder{open_outside(fmt::format("/proc/{}/fd", pid), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) return;
  for_each_entry(folder.get(), [&](const char* name) {
    struct stat file {
    }, link{};
    if (name[0] == '.' || fstatat(folder.get(), name, &file, 0) != 0) return;
    const MappedObject object{.dev = file.st_dev, .ino = file.st_ino};
    if (std::ranges::find(objects, object) == objects.end()) return;
    // The link may be written to if the file may.
    if (fstatat(folder.get(), name, &link, AT_SYMLINK_NOFOLLOW) == 0 && (link.st_mode & S_IWUSR) != 0)
      found.push_back(object);
  });
}

std::string name_of(i32 pid) {
  auto name = read_outside(fmt::format("/proc/{}/comm", pid));
  if (name.ends_with('\n')) name.pop_back();
  return name;
}

}  // namespace

std::optional<MapsLine> parse_maps_line(std::string_view line) {
  MapsLine found;
  u64 begin, end, offset, major_number, minor_number;
  if (!take(line, begin, 16, '-') || !take(line, end, 16, ' ') || line.size() < 5) return std::nullopt;
  found.range = {GuestAddr{begin}, GuestAddr{end}};
  found.writable = line[1] == 'w';
  found.shared = line[3] == 's';
  line.remove_prefix(5);
  if (!take(line, offset, 16, ' ') || !take(line, major_number, 16, ':') || !take(line, minor_number, 16, ' ') ||
      !take(line, found.object.ino, 10, ' ')) {
    return std::nullopt;
  }
  found.object.dev = makedev(static_cast<u32>(major_number), static_cast<u32>(minor_number));
  return found;
}

std::vector<MapsLine> own_mappings() {
  std::vector<MapsLine> found;
  for_each_line(read_outside("/proc/self/maps"), [&](const MapsLine& line) {
    if (line.object != MappedObject{}) found.push_back(line);
  });
  return found;
}

std::vector<MemoryWriter> find_writers(const std::vector<MappedObject>& objects, std::optional<MappedObject> mark,
                                       bool descriptors) {
  std::vector<MemoryWriter> found;
  for (const i32 pid : other_processes()) {
    std::vector<MappedObject> writes;
    bool recorded = false;
    for_each_line(read_outside(fmt::format("/proc/{}/maps", pid)), [&](const MapsLine& line) {
      if (!line.shared) return;
      recorded |= mark && line.object == *mark;
      if (line.writable && std::ranges::find(objects, line.object) != objects.end()) writes.push_back(line.object);
    });
    if (descriptors && !recorded) find_open(pid, objects, writes);
    for (const auto& object : writes) {
      auto known = std::ranges::find(found, object, &MemoryWriter::object);
      if (known == found.end())
        known = found.insert(found.end(), {.pid = 0, .name = {}, .recorded = true, .object = object});
      if (known->pid == 0 || (known->recorded && !recorded)) *known = {pid, name_of(pid), recorded, object};
    }
  }
  return found;
}

}  // namespace fred
