// One translation under way; of translator.cpp and watched_unit.cpp alone.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "core/translate/emitter.h"
#include "core/translate/translator.h"

namespace fred {

inline constexpr u64 max_instruction_length = 15;

/// One translation under way: decodes from `pc` on and emits as it goes.
class Translator::Unit {
 public:
  Unit(Translator& t, CacheWindow& window, CacheAddr at, GuestAddr pc, bool stepping)
      : t_(t), window_(window), e_(at, window.view), pc_(pc), stepping_(stepping) {}

  void run(BlockId id, u32 limit);
  void finish();

  std::vector<u64> pages;      // source pages, in order of first use
  std::vector<ExitId> direct;  // exits to link
  bool checked = false;
  u32 instructions = 0;
  GuestAddr source_end;
  Emitter& emitter() { return e_; }

 private:
  struct Stub {
    CacheAddr hole;  // rel32 that leads to the stub
    ExitId exit;
  };
  struct Constant {
    CacheAddr hole;
    u64 value;
  };

  bool fetch(GuestAddr pc, Instruction& out);
  Decoded decode_at(GuestAddr pc, u64 bytes, Instruction& out) const;
  bool touch(u64 page);
  /// Emits what is wanted before the instruction at pc_. True: the block ends there.
  bool break_here();
  bool watching() const { return !stepping_ && (t_.watching_.any() || !t_.foreign_.empty()); }
  /// As instruction(), with checks of what it accesses.
  void watched(const Instruction& i, std::span<const u8> code);
  void watched_accesses(const Instruction& i, std::span<const u8> code, const WatchPlan& plan);
  /// Leaves before the instruction if it accesses foreign memory. True: it always does, and the block ends.
  bool foreign(const Instruction& i, std::span<const u8> code);
  /// Behind one that may have put the stack there.
  void foreign_stack(const Instruction& i, std::span<const u8> code);
  void instruction(const Instruction& i, std::span<const u8> code);
  /// The called function, if the block is to run through it (leaf.h), until the next one is asked for; its pages are
  /// the block's then.
  std::span<const Instruction> leaf_of(const Instruction& call);
  /// Executes it, its return address being pushed; the block goes on behind the call.
  void run_through(const Instruction& call, std::span<const Instruction> leaf);
  /// Counts a tick; at a stop the guest is about to execute `next`. Guest rcx is spilled, and rdx if that is named.
  void tick_in_line(GuestAddr next, Gpr also_spilled);
  /// Goes on with guest rcx from its slot; leaves with it if what rcx has counted down is zero.
  void leave_at_zero(const Exit& exit);
  void copy(const Instruction& i, std::span<const u8> code);
  void copy_far_operand(const Instruction& i, std::span<const u8> code);
  /// Behind a `pause`: counts it, and leaves when enough were executed.
  void count_pause(GuestAddr next);
  void edge(GuestAddr target, std::optional<u32> counter);
  std::optional<u32> loop_counter(const Instruction& i);
  void push_return_address(GuestAddr pc);
  void load_indirect_target(const Instruction& i, std::span<const u8> code);
  void lookup();
  /// The same with rdx in its slot as well.
  void look_up_spilled();
  void leave(Exit exit);
  bool light(const Instruction& i);
  void segment(GuestAddr pc, u8 spilled = 0, SegmentKind kind = SegmentKind::plain) {
    t_.cache_.add_segment(id_, e_.here(), pc, spilled, kind);
  }
  ExitId new_exit(Exit exit);

  Translator& t_;
  CacheWindow& window_;
  Emitter e_;
  BlockId id_{};
  GuestAddr pc_;
  bool stepping_;
  bool ended_ = false;
  u32 branches_ = 0;
  u32 stepping_exits_ = 0;
  /// What is executed instead of, or before, an instruction that may access watched memory.
  struct Cold {
    CacheAddr hole, resume;
    Instruction instruction;
    std::optional<Access> access;  // nothing: a watched register has changed
    bool behind = false;
    std::optional<GuestAddr> leaves_at = {};  // that, and nothing else
  };
  void cold_code(const Cold& cold);
  WatchCode watch_code() {
    static const bool has_bmi2 = __builtin_cpu_supports("bmi2");
    return {e_, t_.cache_, window_, t_.state_, t_.conditions_, has_bmi2 && t_.options_.bmi2};
  }

  std::vector<Stub> stubs_;
  std::vector<Cold> cold_;
  std::vector<Constant> constants_;
};

}  // namespace fred
