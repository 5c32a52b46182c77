#include "core/cache/code_cache.h"

#include <sys/mman.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/dispatch/entry_code.h"
#include "core/engine.h"
#include "core/memory/guest_memory.h"
#include "core/translate/emitter.h"

namespace fred {

namespace {
constexpr u64 window_size = u64{256} << 20;
constexpr u64 window_reserve = u64{512} << 10;  // room for the longest block
constexpr u64 stepping_room = 1 << 10;
constexpr u64 reach = (u64{1536} << 20);  // how far code and window may be apart
}  // namespace

CodeCache::CodeCache(Engine& engine, StateMemory& memory) : engine_(engine), memory_(memory), state_(memory.window()) {
  exits_.resize(first_free_exit);
  exits_[static_cast<u32>(exit_indirect_miss)].kind = ExitKind::indirect_miss;
  exits_[static_cast<u32>(exit_bail)].kind = ExitKind::bail;
  exits_[static_cast<u32>(exit_fault)].kind = ExitKind::fault;
  exits_[static_cast<u32>(exit_watch_hit)].kind = ExitKind::watch_hit;
  windows_.reserve(64);
}

namespace {
/// The next blocks' pages, together.
void populate(CacheWindow& w) {
  constexpr u64 a_block = u64{4} << 10, at_once = u64{64} << 10;
  if (w.next.value + a_block <= w.populated) return;
  w.populated = populate_ahead(page_floor(w.next.value), w.next.value + at_once, w.range.end.value);
}
}  // namespace

CacheWindow& CodeCache::window_for(GuestAddr pc) {
  for (auto& w : windows_) {
    const u64 low = std::min(w.range.begin.value, pc.value);
    const u64 high = std::max(w.range.end.value, pc.value);
    if (high - low > reach) continue;
    if (w.next.value + window_reserve > w.range.end.value) flush(w);
    populate(w);
    return w;
  }
  auto range = engine_.memory().reserve_engine_near(guest_range(pc, page_size), window_size);
  FRED_CHECK(range.has_value(), "no room for a code cache window near {:#x}: {}", pc.value, range.error().message);
  return make_window(*range);
}

Result<> CodeCache::adopt(GuestRange range) {
  if (range.size() != window_size || !engine_.memory().reserve_engine_at(range)) {
    return fail(fmt::format("no room for the code cache window {:#x}-{:#x}", range.begin.value, range.end.value));
  }
  make_window(range);
  return {};
}

CacheWindow& CodeCache::make_window(GuestRange range) {
  CacheWindow w{.range = range};
  LOG_INFO(cache, "window {:#x}-{:#x}", w.range.begin.value, w.range.end.value);
  void* at = mmap(range.begin.ptr(), window_size, PROT_READ | PROT_WRITE | PROT_EXEC,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  FRED_CHECK(at == range.begin.ptr(), "cannot map a code cache window");
  w.view = CacheAddr{w.range.begin.value};
  memory_.add_view(w.view);
  Emitter e{w.view + page_size, w.view};
  emit_common_code(e, w, state_);
  e.align(64);
  w.begin = w.next = e.here();
  if (windows_.empty()) {
    const u64 table = reinterpret_cast<u64>(&state_.indirect_table), end = table + sizeof state_.indirect_table;
    populate_ahead(page_floor(table), end, page_ceil(end));
    for (auto& slot : state_.indirect_table) slot = w.miss.value;
  }
  windows_.push_back(w);
  return windows_.back();
}

Entry& CodeCache::add_entry(GuestAddr pc, CacheAddr body, BlockId block) {
  auto& entry = entries_.add(pc);
  entry.body = body;
  entry.block = block;
  if (auto& b = blocks_[static_cast<u32>(block)]; b.pc != pc) {
    if (b.entries++ == 0) b.first_entry = static_cast<u32>(further_entries_.size());
    further_entries_.push_back(pc);
  }
  return entry;
}

void CodeCache::remove_entry(GuestAddr pc) {
  const auto* entry = entries_.find(pc);
  if (entry == nullptr) return;
  for (u32 id = entry->incoming; id != no_link;) {
    auto& x = exits_[id];
    Emitter::patch_rel32(x.hole, x.stub);
    x.linked = false;
    id = std::exchange(x.next_incoming, no_link);
  }
  auto& slot = state_.indirect_table[pc.value % indirect_table_size];
  if (entry->indirect && slot == entry->indirect.value) slot = windows_.front().miss.value;
  entries_.remove(pc);
}

ExitId CodeCache::add_exit(const Exit& exit) {
  exits_.push_back(exit);
  return ExitId{static_cast<u32>(exits_.size() - 1)};
}

BlockId CodeCache::begin_block(GuestAddr pc, CacheAddr begin) {
  blocks_.push_back({.pc = pc, .begin = begin, .first_segment = static_cast<u32>(segments_.size())});
  return BlockId{static_cast<u32>(blocks_.size() - 1)};
}

void CodeCache::add_segment(BlockId id, CacheAddr at, GuestAddr pc, u8 spilled, SegmentKind kind) {
  const auto& b = block(id);
  auto& to = id == stepping_block ? stepping_segments_ : segments_;
  to.push_back({.cache = static_cast<u32>(at - b.begin),
                .guest = static_cast<i32>(pc.value - b.pc.value),
                .spilled = spilled,
                .kind = kind});
}

void CodeCache::end_block(BlockId id, CacheWindow& window, CacheAddr end, const std::vector<u64>& source_pages) {
  auto& b = block(id);
  b.end = end;
  b.segments = static_cast<u32>(segments_.size()) - b.first_segment;
  window.next = end;
  window.blocks.push_back(id);
  for (const u64 page : source_pages) pages_[page].push_back(id);
  ++counters.blocks;
  counters.emitted_bytes += end - b.begin;
}

CacheAddr CodeCache::stepping_area(const CacheWindow& window) const {
  return CacheAddr{window.range.end.value - stepping_room};
}

BlockId CodeCache::begin_stepping_block(GuestAddr pc, CacheAddr at) {
  stepping_ = {.pc = pc, .begin = at, .end = at};
  stepping_segments_.clear();
  return stepping_block;
}

void CodeCache::end_stepping_block(CacheAddr end) { stepping_.end = end; }

ExitId CodeCache::set_stepping_exit(u32 index, const Exit& exit) {
  FRED_CHECK(index < stepping_exits, "a stepped instruction at {:#x} with {} exits", exit.pc.value, index);
  exits_[first_stepping_exit + index] = exit;
  return ExitId{first_stepping_exit + index};
}

void CodeCache::link(ExitId id, Entry& to) {
  auto& x = exit(id);
  if (x.linked) return;
  const i64 distance = static_cast<i64>(to.body.value - x.hole.value);
  if (distance != static_cast<i32>(distance)) return;  // another window: goes through the dispatcher
  Emitter::patch_rel32(x.hole, to.body);
  x.linked = true;
  x.next_incoming = std::exchange(to.incoming, static_cast<u32>(id));
  ++counters.links;
}

void CodeCache::publish(const Entry& entry) {
  state_.indirect_table[entry.pc.value % indirect_table_size] = entry.indirect.value;
}

void CodeCache::drop_block(BlockId id) {
  auto& b = block(id);
  if (b.dead) return;
  b.dead = true;
  ++counters.invalidated;
  // Its own linked exits leave the lists of their targets by being skipped: a dead block's exit is
  // patched back harmlessly when the target goes.
  const auto remove_if_own = [&](GuestAddr pc) {
    const auto* e = find(pc);
    if (e != nullptr && e->block == id) remove_entry(pc);
  };
  remove_if_own(b.pc);
  for (const auto pc : std::span{further_entries_}.subspan(b.first_entry, b.entries)) remove_if_own(pc);
}

void CodeCache::invalidate(GuestRange source) {
  if (pages_.empty()) return;
  const auto drop_page = [&](u64 page) {
    auto node = pages_.extract(page);
    if (node.empty()) return;
    for (const auto id : node.mapped()) drop_block(id);
  };
  const u64 first = page_floor(source.begin.value), last = page_ceil(source.end.value);
  if ((last - first) / page_size <= pages_.size()) {
    for (u64 page = first; page < last; page += page_size) drop_page(page);
  } else {
    std::vector<u64> hit;
    for (const auto& [page, ids] : pages_) {
      if (page >= first && page < last) hit.push_back(page);
    }
    for (const u64 page : hit) drop_page(page);
  }
}

void CodeCache::flush(CacheWindow& window) {
  ++counters.flushes;
  LOG_INFO(cache, "flushing window {:#x}", window.range.begin.value);
  for (const auto id : window.blocks) drop_block(id);
  // Exits that lay here must not be patched any more: their place is written anew.
  const auto lies_here = [&](u32 id) { return window.range.contains(GuestAddr{exits_[id].hole.value}); };
  for (auto& entry : entries_.all()) {
    for (u32* at = &entry.incoming; *at != no_link;) {
      if (lies_here(*at)) {
        *at = exits_[*at].next_incoming;
      } else {
        at = &exits_[*at].next_incoming;
      }
    }
  }
  window.next = window.begin;
  window.blocks.clear();
  const bool empty =
      std::all_of(windows_.begin(), windows_.end(), [](const CacheWindow& w) { return w.blocks.empty(); });
  if (empty) forget_records();
}

void CodeCache::clear() {
  counters.invalidated += blocks_.size();
  for (const auto& entry : entries_.all()) {
    if (entry.indirect) state_.indirect_table[entry.pc.value % indirect_table_size] = windows_.front().miss.value;
  }
  entries_.clear();
  forget_records();
  for (auto& w : windows_) {
    // Pages that a fork shares with its parent are not to be copied for what is written anew.
    const u64 from = page_ceil(w.begin.value), to = page_ceil(w.next.value);
    if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
    w.next = w.begin;
    w.populated = 0;
    w.blocks.clear();
  }
}

/// Only where no emitted code names them.
void CodeCache::forget_records() {
  blocks_.clear();
  segments_.clear();
  exits_.resize(first_free_exit);
  pages_.clear();
  further_entries_.clear();
}

bool CodeCache::is_view_of(CacheAddr at, const u64* field) const {
  return std::any_of(windows_.begin(), windows_.end(),
                     [&](const CacheWindow& w) { return at == w.view + window_slot(*field); });
}

bool CodeCache::in_cache(u64 address) const {
  return std::any_of(windows_.begin(), windows_.end(),
                     [&](const CacheWindow& w) { return address >= w.begin.value && address < w.range.end.value; });
}

std::optional<GuestPosition> CodeCache::locate_in(const Block& b, std::span<const Segment> segments,
                                                  CacheAddr at) const {
  const auto after = std::upper_bound(segments.begin(), segments.end(), static_cast<u32>(at - b.begin),
                                      [](u32 offset, const Segment& s) { return offset < s.cache; });
  if (after == segments.begin()) return std::nullopt;
  const auto& s = *(after - 1);
  const auto first = std::ranges::lower_bound(segments.begin(), after, s.cache, {}, &Segment::cache);
  const bool begins = b.begin + s.cache == at && s.spilled == 0 &&
                      (first == segments.begin() || (first - 1)->guest != s.guest || s.kind == SegmentKind::repeated);
  return GuestPosition{.pc = b.pc + static_cast<u64>(static_cast<i64>(s.guest)),
                       .spilled = s.spilled,
                       .restart = s.kind == SegmentKind::whole ? b.begin + s.cache : CacheAddr{},
                       .begins = begins};
}

std::span<const Segment> CodeCache::segments(BlockId id) const {
  if (id == stepping_block) return {stepping_segments_.data(), stepping_segments_.size()};
  const auto& b = blocks_[static_cast<u32>(id)];
  return {segments_.data() + b.first_segment, b.segments};
}

std::optional<GuestPosition> CodeCache::locate(CacheAddr at) const {
  if (at >= stepping_.begin && at < stepping_.end) return locate_in(stepping_, segments(stepping_block), at);
  for (const auto& w : windows_) {
    if (!w.range.contains(GuestAddr{at.value})) continue;
    const auto after = std::upper_bound(w.blocks.begin(), w.blocks.end(), at, [&](CacheAddr a, BlockId id) {
      return a < blocks_[static_cast<u32>(id)].begin;
    });
    if (after == w.blocks.begin()) return std::nullopt;
    const auto& b = blocks_[static_cast<u32>(*(after - 1))];
    if (at >= b.end) return std::nullopt;
    return locate_in(b, segments(*(after - 1)), at);
  }
  return std::nullopt;
}

}  // namespace fred
