// The table of entries against std::map, with addresses that lie close and far, added and removed at random.
#include "core/cache/entry_table.h"

#include <map>
#include <random>

#include "test.h"

namespace fred {

namespace {
GuestAddr random_address(std::mt19937_64& random) {
  constexpr u64 places[] = {0x401000, 0x5555'5555'4000, 0x7ffff7dd0000};
  return GuestAddr{places[random() % std::size(places)] + random() % 20'000};
}
}  // namespace

TEST_CASE("entry table: what is added is found until it is removed, and nothing else") {
  std::mt19937_64 random(7);
  EntryTable table;
  std::map<u64, u64> oracle;  // address -> body
  for (u32 i = 0; i < 200'000; ++i) {
    const auto pc = random_address(random);
    const auto known = oracle.find(pc.value);
    const auto* found = table.find(pc);
    REQUIRE((found != nullptr) == (known != oracle.end()));
    if (found != nullptr) {
      REQUIRE(found->pc == pc);
      REQUIRE(found->body.value == known->second);
    }
    const bool removes = found != nullptr && (i / 50'000) % 2 == 1;  // it grows, shrinks, grows, shrinks
    if (removes) {
      table.remove(pc);
      oracle.erase(pc.value);
    } else if (found == nullptr) {
      table.add(pc).body = CacheAddr{i};
      oracle[pc.value] = i;
    }
  }
  u64 living = 0;
  for (const auto& entry : table.all()) living += entry.pc.value != 0 ? 1 : 0;
  CHECK(living == oracle.size());
  CHECK(living > 1000);
  table.remove(GuestAddr{1});  // never there
  table.clear();
  for (const auto& [pc, body] : oracle) REQUIRE(table.find(GuestAddr{pc}) == nullptr);
  CHECK(table.all().empty());
}

}  // namespace fred
