#include "core/memory/memory_checksum.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "core/memory/guest_access.h"
#include "core/memory/pagemap.h"

namespace fred {

namespace {

constexpr u64 largest = u64{16} << 30;
constexpr u64 words_of_page = page_size / sizeof(u64);
constexpr u64 odd1 = 0x9fb21c651e98df25, odd2 = 0xd6e8feb86659fd93;

/// 0 for a page of zeros.
u64 hash_page(const u64* words, u64 address) {
  u64 lanes[4] = {address, odd1, odd2, address ^ odd1};
  u64 any = 0;
  for (u64 i = 0; i < words_of_page; i += 4) {
    for (u64 k = 0; k < 4; ++k) {
      const u64 w = words[i + k];
      any |= w;
      lanes[k] = std::rotl(lanes[k] ^ (w * odd1), 29) * odd2;
    }
  }
  if (any == 0) return 0;
  const u64 all = lanes[0] ^ std::rotl(lanes[1], 17) ^ std::rotl(lanes[2], 31) ^ std::rotl(lanes[3], 47);
  return (all ^ all >> 32) * odd1;
}

u64 hash_mapping(const Mapping& m, Pagemap& pages) {
  u64 sum = 0;
  alignas(64) u64 copy[words_of_page];
  for (u64 page = m.range.begin.value; page < m.range.end.value; page += page_size) {
    if (m.file == nullptr && !pages.exists(page)) continue;
    if (guest_read(copy, GuestAddr{page}, page_size)) sum += hash_page(copy, page);
  }
  return sum;
}

}  // namespace

std::vector<MappingChecksum> memory_checksums(const GuestMemory& memory) {
  std::vector<MappingChecksum> all;
  Pagemap pages;
  for (const auto& [begin, m] : memory.table().all()) {
    const bool own = (m.flags & MAP_SHARED) == 0 || (m.traits & trait_foreign) != 0;
    const bool counts = m.owner == Owner::guest && own && (m.prot & PROT_READ) != 0 && (m.prot & PROT_WRITE) != 0 &&
                        m.range.size() <= largest;
    if (!counts) continue;
    const bool grows = (m.flags & MAP_GROWSDOWN) != 0;
    all.push_back({grows ? m.range.end.value : m.range.begin.value, m.range.end.value, hash_mapping(m, pages)});
  }
  return all;
}

std::string first_difference(const std::vector<MappingChecksum>& recorded, const std::vector<MappingChecksum>& now) {
  const u64 both = std::min(recorded.size(), now.size());
  for (u64 i = 0; i < both; ++i) {
    const auto &a = recorded[i], &b = now[i];
    if (a == b) continue;
    if (a.begin == b.begin && a.end == b.end) {
      return fmt::format("memory {:#x}-{:#x}: recorded checksum {:#x}; now {:#x}", a.begin, a.end, a.hash, b.hash);
    }
    return fmt::format("memory: recorded mapping {:#x}-{:#x}; now {:#x}-{:#x}", a.begin, a.end, b.begin, b.end);
  }
  if (recorded.size() == now.size()) return {};
  return fmt::format("memory: recorded {} mappings; now {}", recorded.size(), now.size());
}

}  // namespace fred
