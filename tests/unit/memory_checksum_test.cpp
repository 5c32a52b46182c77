#include "core/memory/memory_checksum.h"

#include <sys/mman.h>

#include <fmt/format.h>

#include "memory_engine.h"
#include "temporary_folder.h"
#include "test.h"

using namespace fred;
using test::MemoryEngine;

namespace {

GuestAddr map(GuestMemory& memory, u64 size, int prot, u32 flags) {
  const i64 at = memory.map({.addr = {}, .size = size, .prot = prot, .flags = flags});
  REQUIRE(at > 0);
  return GuestAddr{static_cast<u64>(at)};
}

}  // namespace

TEST_CASE("memory checksums: every byte and its place count, touching does not") {
  MemoryEngine engine;
  auto& memory = engine.memory();
  const auto at = map(memory, u64{1} << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  const auto empty = memory_checksums(memory);
  REQUIRE(!empty.empty());
  auto* bytes = at.ptr<volatile u8>();
  bytes[12345678] = 0;  // the page exists now
  CHECK(memory_checksums(memory) == empty);

  std::vector<std::vector<MappingChecksum>> seen{empty};
  for (const u64 place : {u64{0}, u64{1}, page_size, 5 * page_size + 4095, (u64{1} << 30) - 1}) {
    bytes[place] = 1;
    const auto now = memory_checksums(memory);
    for (const auto& other : seen) CHECK(first_difference(other, now) != "");
    seen.push_back(now);
    bytes[place] = 0;
    CHECK(memory_checksums(memory) == empty);
  }
  bytes[0] = 2;
  const auto difference = first_difference(empty, memory_checksums(memory));
  CHECK(difference.find(fmt::format("memory {:#x}-{:#x}", at.value, at.value + (u64{1} << 30))) == 0);
}

TEST_CASE("memory checksums: which mappings") {
  MemoryEngine engine;
  auto& memory = engine.memory();
  const auto count = memory_checksums(memory).size();
  map(memory, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  map(memory, page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
  CHECK(memory_checksums(memory).size() == count);
  const test::TemporaryFolder folder;
  const auto private_one = map(memory, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  const auto before = memory_checksums(memory);
  CHECK(before.size() == count + 1);
  CHECK(first_difference(before, {}) != "");
  REQUIRE(memory.unmap(private_one, page_size) == 0);
  CHECK(first_difference(before, memory_checksums(memory)) != "");
}
