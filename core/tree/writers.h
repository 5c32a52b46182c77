// Which processes can write memory that this one has mapped: those that have mapped the same file or shared memory
// themselves, shared and writable. Found in /proc, as far as this user may look.
#pragma once
#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "core/memory/smaps.h"

namespace fred {

/// What is mapped, as /proc/PID/maps names it.
struct MappedObject {
  u64 dev = 0, ino = 0;
  auto operator<=>(const MappedObject&) const = default;
};

/// What this process really has mapped of files and shared memory.
std::vector<KernelMapping> own_mappings();

struct MemoryWriter {
  i32 pid = 0;
  std::string name;
  bool recorded = false;
  MappedObject object;
};
/// One for each of the objects that another process writes: one that is not recorded, if there is any. `mark`: what the
/// recorded processes have mapped, and nobody else. `descriptors`: who has it open for writing counts as well.
std::vector<MemoryWriter> find_writers(const std::vector<MappedObject>& objects, std::optional<MappedObject> mark,
                                       bool descriptors);

}  // namespace fred
