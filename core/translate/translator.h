// Translates guest code into a code cache window, by copy and patch: registers keep their places, almost
// every instruction is copied unchanged; transfers of control, rip-relative operands and instructions
// with outside effects are rewritten.
#pragma once
#include <functional>
#include <unordered_set>
#include <vector>

#include "core/base/types.h"
#include "core/cache/code_cache.h"
#include "core/translate/break_points.h"
#include "core/translate/leaf.h"
#include "core/translate/watch_code.h"

namespace fred {

class Emitter;

struct TranslateOptions {
  bool link = true;              // --no-link: every transfer goes through the dispatcher
  bool inline_lookup = true;     // --no-inline-lookup: every indirect transfer leaves the cache
  bool single_block = false;     // --single-block: a block ends at its first branch
  bool traces = true;            // --no-traces: a block ends at every call (leaf.h)
  bool inline_notes = true;      // --no-inline-notes: breaks that only count leave the cache
  bool several_counters = true;  // --one-counter: all ticks take the same one (tick_counters.h)
  bool bmi2 = true;              // --no-bmi2: addresses are looked up by way of memory (watch_code.h)
  bool quick_decoder = true;     // --full-decoder: every instruction is decoded by Zydis (quick_decoder.h)
  bool hints = true;             // --whole-slices: `pause` is only what it is natively
  bool light = true;             // --no-light: clocks take the long way through the dispatcher
};

/// What the translator asks of its surroundings.
class CodeSource {
 public:
  virtual ~CodeSource() = default;
  /// May code be fetched from the page at `page`? Asked once for each page that a block touches.
  virtual bool fetchable(u64 page) = 0;
  /// True if the page's translations must compare their source on entry (core/translate/code_pages.h).
  virtual bool checked(u64 page) = 0;
  /// May a system call at this address take the short way (core/dispatch/light.h)?
  virtual bool light_syscall(GuestAddr pc) = 0;
  /// Code has been translated from the page: its writes must be noticed from now on.
  virtual void translated(u64 page) = 0;
  /// A checked block was made from this range: its bytes now are what it stands for.
  virtual void remember_source(BlockId block, GuestRange range) = 0;
  /// Are those bytes still the same?
  virtual bool still_as_translated(BlockId block) = 0;
};

class Translator {
 public:
  Translator(CodeCache& cache, StateWindow& state, const ConditionWindow& conditions, CodeSource& source,
             const TranslateOptions& options)
      : cache_(cache), state_(state), conditions_(conditions), source_(source), options_(options) {}

  /// Translates the code at `pc`, which has no entry yet, and adds its entry. An address from which
  /// nothing can be fetched gives a block that leaves with fetch_fault at once.
  BlockId translate(GuestAddr pc, bool indirect);

  /// Translates exactly one instruction at `pc`, as a block with no entry in the tables, for stepping.
  /// Its pages are not protected. It is forgotten at the next call.
  CacheAddr translate_one(GuestAddr pc);

  /// Code translated from now on leaves the cache (ExitKind::stop) before the instruction at `pc`, or no
  /// longer does. What was translated before is the caller's to drop. translate_one() does not look at this.
  void set_break(GuestAddr pc, bool on);
  /// Does such code leave it there, with this stack pointer?
  bool leaves_at(GuestAddr pc, u64 rsp) const { return breaks_.contains(pc.value) || break_points_.leaves(pc, rsp); }
  bool has_break(GuestAddr pc) const {
    return (!breaks_.empty() && breaks_.contains(pc.value)) || break_points_.has(pc);
  }
  /// The same, with notes and the stack pointer.
  BreakPoints& break_points() { return break_points_; }

  /// What code translated from now on checks.
  void watch(const Watching& watching) { watching_ = watching; }
  const Watching& watching() const { return watching_; }
  /// The same for memory before whose accesses it leaves the cache (ExitKind::watch, core/dispatch/foreign_access.h).
  void leave_before(std::vector<GuestRange> foreign) { foreign_ = std::move(foreign); }
  const std::vector<GuestRange>& left_before() const { return foreign_; }
  const TranslateOptions& options() const { return options_; }

  /// Makes the entry reachable by indirect transfers.
  void make_indirect(Entry& entry);

 private:
  class Unit;

  /// Returns the entry; the body is to follow.
  CacheAddr emit_indirect_prologue(Emitter& e, GuestAddr pc, CacheWindow& window);

  CodeCache& cache_;
  StateWindow& state_;
  const ConditionWindow& conditions_;
  CodeSource& source_;
  TranslateOptions options_;
  u32 loop_ticks_ = first_loop_ticks;  // the counter that the last branch or jump took
  std::unordered_set<u64> breaks_;
  BreakPoints break_points_;
  Watching watching_;
  std::vector<GuestRange> foreign_;
  Leaves leaves_;
};

}  // namespace fred
