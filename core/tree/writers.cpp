#include "core/tree/writers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/directory.h"
#include "core/base/number.h"
#include "core/base/outside.h"
#include "core/base/read_all.h"
#include "core/memory/unique_fd.h"

namespace fred {

namespace {

/// Empty if it cannot be read.
std::string read_outside(const std::string& path) {
  const UniqueFd file{open_outside(path, O_RDONLY | O_CLOEXEC)};
  return read_all(file.get());
}

/// What it has mapped of files and shared memory, as far as this user may know. Nothing if that went while it was read:
/// the process ends, or executes a program, and what was read may be a part.
std::vector<KernelMapping> mappings_of(const std::string& process) {
  const UniqueFd file{open_outside("/proc/" + process + "/maps", O_RDONLY | O_CLOEXEC)};
  auto mappings = parse_smaps(read_all(file.get()));
  u8 byte = 0;
  if (!mappings || pread(file.get(), &byte, 1, 0) != 1) return {};
  // A segment of System V may have the number 0, but no anonymous memory has a device.
  std::erase_if(*mappings, [](const KernelMapping& m) { return m.dev == 0 && m.ino == 0; });
  return std::move(*mappings);
}

/// The numbers of all processes but this one.
std::vector<i32> other_processes() {
  std::vector<i32> found;
  const UniqueFd folder{open_outside("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) return found;
  any_entry(folder.get(), [&](const char* name) {
    const auto pid = whole_number<i32>(name);
    if (pid && *pid != getpid()) found.push_back(*pid);
    return false;
  });
  return found;
}

/// What a process has open.
struct OpenObjects {
  std::vector<MappedObject> writable;  // of those that are asked for
  bool mark = false;                   // a recorded engine has it before it has it mapped
};
OpenObjects find_open(i32 pid, const std::vector<MappedObject>& objects, std::optional<MappedObject> mark) {
  OpenObjects found;
  const UniqueFd folder{open_outside(fmt::format("/proc/{}/fd", pid), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) return found;
  any_entry(folder.get(), [&](const char* name) {
    struct stat file {};
    struct stat link {};
    if (fstatat(folder.get(), name, &file, 0) != 0) return false;
    const MappedObject object{.dev = file.st_dev, .ino = file.st_ino};
    found.mark |= mark && object == *mark;
    if (std::ranges::find(objects, object) == objects.end()) return false;
    // The link may be written to if the file may.
    if (fstatat(folder.get(), name, &link, AT_SYMLINK_NOFOLLOW) == 0 && (link.st_mode & S_IWUSR) != 0)
      found.writable.push_back(object);
    return false;
  });
  return found;
}

std::string name_of(i32 pid) {
  auto name = read_outside(fmt::format("/proc/{}/comm", pid));
  if (name.ends_with('\n')) name.pop_back();
  return name;
}

}  // namespace

std::vector<KernelMapping> own_mappings() { return mappings_of("self"); }

std::vector<MemoryWriter> find_writers(const std::vector<MappedObject>& objects, std::optional<MappedObject> mark,
                                       bool descriptors) {
  std::vector<MemoryWriter> found;
  for (const i32 pid : other_processes()) {
    std::vector<MappedObject> writes;
    // Before what it has mapped: who maps a file, and closes it then, is seen here or there.
    const auto open = descriptors ? find_open(pid, objects, mark) : OpenObjects{};
    bool recorded = open.mark;
    const auto mappings = mappings_of(std::to_string(pid));
    if (mappings.empty()) continue;  // it ends: its descriptors alone do not say whether it is recorded
    for (const auto& m : mappings) {
      if (!m.shared) continue;
      const MappedObject object{.dev = m.dev, .ino = m.ino};
      recorded |= mark && object == *mark;
      const bool wanted = std::ranges::find(objects, object) != objects.end();
      if (wanted && (m.prot & PROT_WRITE) != 0) writes.push_back(object);
    }
    if (!recorded) writes.insert(writes.end(), open.writable.begin(), open.writable.end());
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
