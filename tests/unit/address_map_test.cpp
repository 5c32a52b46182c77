#include "core/memory/address_map.h"

#include <sys/mman.h>

#include <array>
#include <random>

#include "core/memory/layout.h"
#include "test.h"

using namespace fred;

namespace {

constexpr u64 pages = 64;
constexpr GuestAddr base{0x10000000};
constexpr GuestAddr at(u64 page) { return base + page * page_size; }
constexpr GuestRange range(u64 first, u64 count) { return {at(first), at(first + count)}; }

Mapping anonymous(GuestRange r, int prot, u32 flags = MAP_PRIVATE | MAP_ANONYMOUS) {
  Mapping m;
  m.range = r;
  m.prot = static_cast<u8>(prot);
  m.flags = flags;
  m.offset = r.begin.value;
  return m;
}

/// The oracle: what is at each page, found without any cleverness.
struct Page {
  bool mapped = false;
  Owner owner = Owner::guest;
  u8 prot = 0;
  u64 offset = 0;  // of this page
  std::shared_ptr<const MappedFile> file;
  bool operator==(const Page&) const = default;
};
using Pages = std::array<Page, pages>;

Page page_of(const AddressMap& map, u64 i) {
  const Mapping* m = map.find(at(i));
  if (!m) return {};
  return {true, m->owner, m->prot, m->offset + (at(i) - m->range.begin), m->file};
}

std::optional<u64> free_by_hand(const Pages& all, u64 size, u64 low, u64 high, bool top_down) {
  std::optional<u64> found;
  for (u64 i = low; i + size <= high; ++i) {
    bool fits = true;
    for (u64 k = i; k < i + size; ++k) fits &= !all[k].mapped;
    if (!fits) continue;
    if (!top_down) return i;
    found = i;
  }
  return found;
}

/// Ranges in order, not empty, not overlapping, nothing left to merge.
void check_shape(const AddressMap& map) {
  const Mapping* before = nullptr;
  for (const auto& [begin, m] : map.all()) {
    REQUIRE(begin == m.range.begin);
    REQUIRE(m.range.begin < m.range.end);
    if (before) {
      REQUIRE(before->range.end <= m.range.begin);
      REQUIRE_FALSE(before->merges_with(m));
    }
    before = &m;
  }
}

}  // namespace

TEST_CASE("address map: random operations against a page-by-page oracle") {
  std::mt19937 random(20240607);
  const auto pick = [&](u64 n) { return random() % n; };
  const std::array files = {std::make_shared<const MappedFile>(MappedFile{.path = "/a", .dev = 1, .ino = 1}),
                            std::make_shared<const MappedFile>(MappedFile{.path = "/b", .dev = 1, .ino = 2})};
  for (int round = 0; round < 300; ++round) {
    AddressMap map;
    Pages oracle;
    for (int step = 0; step < 60; ++step) {
      const u64 first = pick(pages), count = 1 + pick(std::min<u64>(pages - first, 12));
      const GuestRange r = range(first, count);
      switch (pick(4)) {
        case 0:
        case 1: {
          Mapping m = anonymous(r, static_cast<int>(pick(3)));
          if (pick(8) == 0) m.owner = Owner::engine;
          if (pick(2)) {
            m.file = files[pick(2)];
            m.flags = MAP_PRIVATE;
            m.offset = first * page_size;  // so that neighbours of one file continue each other
          }
          for (u64 i = 0; i < count; ++i) oracle[first + i] = {true, m.owner, m.prot, m.offset + i * page_size, m.file};
          map.insert(std::move(m));
          break;
        }
        case 2:
          map.erase(r);
          for (u64 i = first; i < first + count; ++i) oracle[i] = {};
          break;
        case 3: {
          const u8 prot = static_cast<u8>(pick(3));
          map.update(r, [&](Mapping& m) { m.prot = prot; });
          for (u64 i = first; i < first + count; ++i)
            if (oracle[i].mapped) oracle[i].prot = prot;
          break;
        }
      }
      check_shape(map);
      for (u64 i = 0; i < pages; ++i) REQUIRE(page_of(map, i) == oracle[i]);

      const u64 low = pick(pages), high = low + pick(pages - low + 1), size = 1 + pick(8);
      for (const bool top_down : {false, true}) {
        const auto order = top_down ? AddressMap::Order::top_down : AddressMap::Order::bottom_up;
        const auto got = map.find_free(size * page_size, {at(low), at(high)}, order);
        const auto want = free_by_hand(oracle, size, low, high, top_down);
        REQUIRE(got.has_value() == want.has_value());
        if (want) REQUIRE(*got == at(*want));
      }
      bool all_guest = true, any = false, any_engine = false;
      for (u64 i = first; i < first + count; ++i) {
        any |= oracle[i].mapped;
        any_engine |= oracle[i].mapped && oracle[i].owner == Owner::engine;
        all_guest &= oracle[i].mapped && oracle[i].owner == Owner::guest;
      }
      REQUIRE(map.covers(r) == all_guest);
      REQUIRE(map.is_free(r) == !any);
      REQUIRE(map.overlaps_engine(r) == any_engine);
      u64 seen = 0;
      for (const auto& m : map.in(r)) {
        REQUIRE(m.range.begin >= r.begin);
        REQUIRE(m.range.end <= r.end);
        REQUIRE(m.offset == page_of(map, (m.range.begin - base) / page_size).offset);
        seen += m.range.size() / page_size;
      }
      REQUIRE(seen == static_cast<u64>(std::count_if(oracle.begin() + static_cast<i64>(first),
                                                     oracle.begin() + static_cast<i64>(first + count),
                                                     [](const Page& p) { return p.mapped; })));
    }
  }
}

TEST_CASE("address map: what merges and what does not") {
  AddressMap map;
  map.insert(anonymous(range(0, 2), PROT_READ));
  map.insert(anonymous(range(2, 2), PROT_READ));
  CHECK(map.all().size() == 1);
  map.insert(anonymous(range(4, 2), PROT_READ | PROT_WRITE));
  CHECK(map.all().size() == 2);
  map.update(range(1, 2), [](Mapping& m) { m.prot = PROT_NONE; });
  CHECK(map.all().size() == 4);
  map.update(range(0, 6), [](Mapping& m) { m.prot = PROT_READ; });
  CHECK(map.all().size() == 1);
  // Memory that was moved here is not continued by what was made here.
  Mapping moved = anonymous(range(6, 1), PROT_READ);
  moved.offset = at(20).value;
  map.insert(moved);
  CHECK(map.all().size() == 2);
  Mapping traits = anonymous(range(7, 1), PROT_READ);
  traits.offset = at(21).value;
  traits.traits = trait_dont_fork;
  map.insert(traits);
  CHECK(map.all().size() == 3);
}

TEST_CASE("address map: room below a growing mapping is kept") {
  AddressMap map;
  const GuestAddr stack = base + 16 * layout::stack_guard;
  map.insert(
      anonymous({stack, stack + page_size}, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN));
  const GuestRange below = {base, stack};
  CHECK(map.find_free(page_size, below, AddressMap::Order::top_down) == stack - layout::stack_guard - page_size);
  CHECK_FALSE(map.is_free({stack - page_size, stack}));
  CHECK(map.is_free({stack - layout::stack_guard - page_size, stack - layout::stack_guard}));
  CHECK(map.find_free(16 * layout::stack_guard, below, AddressMap::Order::bottom_up) == std::nullopt);
  CHECK(map.find_free(15 * layout::stack_guard, below, AddressMap::Order::bottom_up) == base);
}

TEST_CASE("address map: alignment") {
  AddressMap map;
  map.insert(anonymous(range(0, 1), PROT_READ));
  const GuestRange bounds = {base, base + 8 * layout::huge_page};
  const auto low = map.find_free(layout::huge_page, bounds, AddressMap::Order::bottom_up, layout::huge_page);
  CHECK(low == base + layout::huge_page);
  map.insert(anonymous({bounds.end - page_size, bounds.end}, PROT_READ));
  const auto high = map.find_free(layout::huge_page, bounds, AddressMap::Order::top_down, layout::huge_page);
  CHECK(high == bounds.end - 2 * layout::huge_page);
}

TEST_CASE("address map: lines as in /proc/self/maps") {
  AddressMap map;
  auto file = std::make_shared<MappedFile>(
      MappedFile{.path = "/usr/lib/x86_64-linux-gnu/libc.so.6", .dev = 0xfe00, .ino = 332835});
  Mapping code = anonymous({GuestAddr{0x7fb5e7449000}, GuestAddr{0x7fb5e759f000}}, PROT_READ | PROT_EXEC, MAP_PRIVATE);
  code.offset = 0x26000;
  code.file = file;
  map.insert(code);
  map.insert(anonymous({GuestAddr{0x55b280034000}, GuestAddr{0x55b280055000}}, PROT_READ | PROT_WRITE));
  map.insert(anonymous({GuestAddr{0x7fb5e7610000}, GuestAddr{0x7fb5e7612000}}, PROT_READ | PROT_WRITE));
  map.insert(anonymous({GuestAddr{0x7ffe244b3000}, GuestAddr{0x7ffe244d4000}}, PROT_READ | PROT_WRITE));
  map.insert(anonymous({GuestAddr{0x400000}, GuestAddr{0x401000}}, PROT_NONE, MAP_SHARED));
  Mapping window = anonymous({GuestAddr{0x7ffe30000000}, GuestAddr{0x7ffe30001000}}, PROT_NONE);
  window.owner = Owner::engine;
  map.insert(window);
  const MapNames names{{GuestAddr{0x55b280034000}, GuestAddr{0x55b280055000}}, GuestAddr{0x7ffe244d3000}};
  CHECK(map.text(names) ==
        "00400000-00401000 ---s 00000000 00:00 0 \n"
        "55b280034000-55b280055000 rw-p 00000000 00:00 0                          [heap]\n"
        "7fb5e7449000-7fb5e759f000 r-xp 00026000 fe:00 332835                     /usr/lib/x86_64-linux-gnu/libc.so.6\n"
        "7fb5e7610000-7fb5e7612000 rw-p 00000000 00:00 0 \n"
        "7ffe244b3000-7ffe244d4000 rw-p 00000000 00:00 0                          [stack]\n");
}

TEST_CASE("address map: saved and read back") {
  AddressMap map;
  Mapping code = anonymous(range(0, 3), PROT_READ | PROT_EXEC, MAP_PRIVATE);
  code.file = std::make_shared<MappedFile>(MappedFile{.path = "/a",
                                                      .dev = 5,
                                                      .ino = 6,
                                                      .source = Source::stand_in,
                                                      .source_path = "files/1",
                                                      .size = 9,
                                                      .mtime_ns = 7});
  code.max_prot = PROT_READ;
  map.insert(code);
  code.range = range(8, 1);
  map.insert(code);
  map.insert(anonymous(range(20, 2), PROT_READ));
  ByteWriter w;
  map.write(w, [](const Mapping&) { return true; });
  const auto bytes = w.take();
  AddressMap copy;
  ByteReader r(bytes);
  CHECK(copy.read(r));
  CHECK(r.at_end());
  CHECK(copy.all() == map.all());
  for (std::size_t cut = 0; cut < bytes.size(); cut += 5) {
    AddressMap partial;
    ByteReader short_reader(std::span<const u8>(bytes).first(cut));
    CHECK_FALSE((partial.read(short_reader) && short_reader.at_end()));
  }
}
