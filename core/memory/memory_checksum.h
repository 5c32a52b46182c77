// Checksums of what the guest has in memory, one per mapping: equal in live and in a worker at the same Time.
#pragma once
#include <vector>

#include "core/memory/guest_memory.h"

namespace fred {

struct MappingChecksum {
  u64 begin = 0;  // of a stack that grows by itself: the same as `end`
  u64 end = 0;
  u64 hash = 0;  // pages of zeros, and memory never touched, do not count
  bool operator==(const MappingChecksum&) const = default;
};

/// Of all private writable mappings up to 16 GiB each. Shared ones may be changed by others at any time.
std::vector<MappingChecksum> memory_checksums(const GuestMemory& memory);

/// The first mapping in which two lists differ, in words; empty if none.
std::string first_difference(const std::vector<MappingChecksum>& recorded, const std::vector<MappingChecksum>& now);

}  // namespace fred
