// Points of the guest's code at which translated code leaves the cache, or only takes a note of coming by.
#pragma once
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/arch/x86/condition_window.h"
#include "core/cache/code_cache.h"

namespace fred {

class Emitter;

struct BreakPoint {
  std::optional<u64> stack_pointer;  // only while rsp is this
  NoteSlot* note = nullptr;          // null: the cache is left (ExitKind::stop)
};

class BreakPoints {
 public:
  bool has(GuestAddr pc) const { return !points_.empty() && points_.contains(pc.value); }
  /// Is the cache left there, with this stack pointer?
  bool leaves(GuestAddr pc, u64 rsp) const;
  void set(GuestAddr pc, std::vector<BreakPoint> points);
  void clear() { points_.clear(); }

  /// What the code of a block needs from the one who emits it.
  struct Block {
    Emitter& emitter;
    CodeCache& cache;
    BlockId id;
    const CacheWindow& window;
    const StateWindow& state;
  };
  /// Emits what happens before the instruction at `pc`, which has points. Registers and flags are the guest's before
  /// and behind it. True: the cache is always left here, so the block ends.
  bool emit(const Block& block, GuestAddr pc) const;

 private:
  std::unordered_map<u64, std::vector<BreakPoint>> points_;
};

}  // namespace fred
