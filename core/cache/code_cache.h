// The code cache: windows of emitted code near the guest code they were made from, the blocks in them,
// the entries by which blocks are reached, and the exits by which they are left.
//
// A *block* is what one translation emitted: a run of guest instructions with one fall-through line. It
// has an *entry* at its start and at each point behind a conditional branch, so later translations link
// into it. An *exit* is one way out; exits with a fixed target are linked to the target's entry as soon
// as that exists, and unlinked when it goes.
#pragma once
#include <unordered_map>
#include <vector>

#include "core/arch/x86/state_memory.h"
#include "core/base/error.h"
#include "core/base/mapped_vector.h"
#include "core/base/types.h"
#include "core/cache/entry_table.h"
#include "core/translate/instruction.h"

namespace fred {

class Engine;

enum class ExitKind : u8 {
  indirect_miss,  // an indirect transfer found no entry: the target is in the state window
  direct,         // goes on at `pc`
  tick_stop,      // a counter ran out at an indirect entry; goes on at `pc`
  effect,         // the instruction at `pc` is the engine's to carry out
  fetch_fault,    // the instruction at `pc` cannot be fetched or decoded
  fault,          // the instruction at the guest's pc faulted; the fault lies in FaultSlot
  watch,          // the instruction at `pc` may access what is watched: it is to be stepped
  watch_hit,      // the instruction before the guest's pc has accessed what is watched
  spins,          // the thread has executed many `pause`; goes on at `pc`
  stop,           // the instruction at `pc` is one at which the session wants to stop
  bail,           // a request was waiting when the cache was about to be entered; nothing was executed
};

enum class ExitId : u32 {};
inline constexpr ExitId exit_indirect_miss{0};
inline constexpr ExitId exit_bail{1};
inline constexpr ExitId exit_fault{2};
inline constexpr ExitId exit_watch_hit{3};
inline constexpr u32 first_stepping_exit = 4, stepping_exits = 6;  // reused by every stepped instruction
inline constexpr u32 first_free_exit = first_stepping_exit + stepping_exits;
inline constexpr BlockId stepping_block{~u32{0}};

struct Exit {
  ExitKind kind = ExitKind::direct;
  Effect effect = Effect::none;
  u8 length = 0;  // effect, watch: of the instruction
  u8 access = 0;  // watch: AccessFlags (core/dispatch/watch_check.h)
  u16 access_size = 0;
  GuestAddr pc = {};
  CacheAddr hole = {};          // direct: the rel32 that linking patches
  CacheAddr stub = {};          // direct: what the hole points to while unlinked
  u32 next_incoming = no_link;  // next exit linked to the same entry
  bool linked = false;
  BlockId block = {};  // fetch_fault: the block that it ends, which must not be used again
};

enum class SegmentKind : u8 {
  plain,
  whole,     // reads the clock in parts: begins anew if a signal handler has changed it (break_points.h)
  repeated,  // the instruction itself, which may be left behind each repetition (Time::rest)
};

/// Which guest instruction emitted code belongs to, for faults: the code from `cache` up to the next
/// segment's belongs to the instruction at `guest`.
struct Segment {
  u32 cache;   // offset from the block's begin
  i32 guest;   // offset from the block's pc
  u8 spilled;  // not 0: 1 + the Gpr whose guest value lies in the spill slot (spill_rcx) here
  SegmentKind kind;
};

struct Block {
  GuestAddr pc = {};
  CacheAddr begin = {}, end = {};
  u32 first_segment = 0, segments = 0;
  u32 first_entry = 0, entries = 0;  // but for the one at its start
  bool checked = false;              // entered through the dispatcher only, which compares the source first
  bool dead = false;
};

/// A guest position recovered from a position in the cache.
struct GuestPosition {
  GuestAddr pc;
  u8 spilled;         // as in Segment
  CacheAddr restart;  // where the segment begins, if it is to begin anew (SegmentKind::whole); or 0
  bool begins;        // all before the instruction has been executed, and of itself nothing but whole repetitions
};

struct CacheWindow {
  GuestRange range;      // also the range of cache addresses
  CacheAddr view = {};   // of the state window's first page
  CacheAddr begin = {};  // behind the common code
  CacheAddr next = {};   // where the next block goes
  u64 populated = 0;     // pages up to there have been asked for
  CacheAddr exit = {};   // common code: leaves the cache with exit_id set
  CacheAddr leave = {};  // common code: the same, with registers and flags already in the state window
  CacheAddr light = {};  // common code: calls the light handler (core/dispatch/light.h)
  CacheAddr light_check = {}, light_end = {};  // where it looks at requests and goes back into the cache
  CacheAddr leave_indirect = {};               // common code: rcx is an indirect target; rcx and rdx are spilled
  CacheAddr miss = {};                         // common code: the same, but first looks for the target's entry
  std::vector<BlockId> blocks = {};            // in ascending order of address
};

class CodeCache {
 public:
  CodeCache(Engine& engine, StateMemory& memory);

  /// The window for code at `pc`; makes one (reserving it through GuestMemory) if none is in reach.
  CacheWindow& window_for(GuestAddr pc);
  /// Makes a window of a range that another process had one in, before any memory of the guest is there.
  Result<> adopt(GuestRange range);
  /// Reserves the window for a new executable mapping now, so that its place is decided in live.
  void prepare(GuestRange code) { window_for(code.begin); }

  Entry* find(GuestAddr pc) { return entries_.find(pc); }
  /// For the short way (core/dispatch/light_lookup.cpp): the indirect entry of the block at `pc`, published in the
  /// table from now on, or 0. General registers only, no call.
  [[gnu::always_inline]] CacheAddr find_indirect(GuestAddr pc);
  Entry& add_entry(GuestAddr pc, CacheAddr body, BlockId block);

  ExitId add_exit(const Exit& exit);
  Exit& exit(ExitId id) { return exits_[static_cast<u32>(id)]; }
  Block& block(BlockId id) { return id == stepping_block ? stepping_ : blocks_[static_cast<u32>(id)]; }

  BlockId begin_block(GuestAddr pc, CacheAddr begin);
  void add_segment(BlockId id, CacheAddr at, GuestAddr pc, u8 spilled = 0, SegmentKind kind = SegmentKind::plain);
  /// Ends the block and registers it with the pages it was made from.
  void end_block(BlockId id, CacheWindow& window, CacheAddr end, const std::vector<u64>& source_pages);

  // Stepping: one block at a time, in no table, in an area of the window that is written again each time.
  CacheAddr stepping_area(const CacheWindow& window) const;
  BlockId begin_stepping_block(GuestAddr pc, CacheAddr at);
  void end_stepping_block(CacheAddr end);
  ExitId set_stepping_exit(u32 index, const Exit& exit);

  void link(ExitId id, Entry& to);
  /// Puts the entry into the table that indirect transfers look up.
  void publish(const Entry& entry);

  /// Drops every block made from these pages. Their addresses must not be executed afterwards: only
  /// with no guest thread inside the cache.
  void invalidate(GuestRange source);
  /// Drops one block.
  void drop(BlockId id) { drop_block(id); }
  /// Drops everything in one window.
  void flush(CacheWindow& window);
  /// Drops everything at once, patching nothing: no emitted code is to be executed again.
  void clear();

  bool in_cache(u64 address) const;
  /// Is `at` where a window sees this field of the state window?
  bool is_view_of(CacheAddr at, const u64* field) const;
  std::optional<GuestPosition> locate(CacheAddr at) const;
  /// The pieces of a block, in the order of their code.
  std::span<const Segment> segments(BlockId id) const;
  const std::vector<CacheWindow>& windows() const { return windows_; }
  bool has_code_on(u64 page) const { return pages_.contains(page); }

  struct Counters {
    u64 blocks = 0, guest_bytes = 0, instructions = 0, emitted_bytes = 0, links = 0, invalidated = 0, flushes = 0;
  } counters;

 private:
  CacheWindow& make_window(GuestRange range);
  std::optional<GuestPosition> locate_in(const Block& b, std::span<const Segment> segments, CacheAddr at) const;
  void remove_entry(GuestAddr pc);
  void drop_block(BlockId id);
  void forget_records();

  Engine& engine_;
  StateMemory& memory_;
  StateWindow& state_;
  std::vector<CacheWindow> windows_;
  MappedVector<Exit> exits_;
  MappedVector<Block> blocks_;
  MappedVector<Segment> segments_;
  Block stepping_;
  MappedVector<Segment> stepping_segments_;
  EntryTable entries_;
  std::unordered_map<u64, std::vector<BlockId>> pages_;  // source page -> blocks
  std::vector<GuestAddr> further_entries_;               // of each block, one block's after another's
};

inline CacheAddr CodeCache::find_indirect(GuestAddr pc) {
  const Entry* e = entries_.find(pc);
  if (e == nullptr || e->indirect.value == 0 || blocks_.data()[static_cast<u32>(e->block)].checked) return {};
  state_.indirect_table[pc.value % indirect_table_size] = e->indirect.value;
  return e->indirect;
}

}  // namespace fred
