// The guest's processor: the state window, the code cache and the translator, and the clock.
// It executes guest code until something must be done outside, and knows nothing of system calls,
// signals' meaning or logs.
#pragma once
#include <memory>
#include <span>

#include "core/arch/x86/state_memory.h"
#include "core/cache/code_cache.h"
#include "core/dispatch/entry_code.h"
#include "core/translate/translator.h"

namespace fred {

/// Sees every block (or stepped instruction) before it is entered, with the guest's state in place, and
/// after it has been left, when rip is not the guest's yet unless the exit is a fault.
class BlockObserver {
 public:
  virtual ~BlockObserver() = default;
  virtual void before(CacheAddr at) = 0;
  virtual void after(const Exit& exit) = 0;
};

class Cpu {
 public:
  Cpu(Engine& engine, CodeSource& source, const TranslateOptions& options);

  StateWindow& state() { return *state_; }
  StateMemory& state_memory() { return memory_; }
  ConditionWindow& conditions() { return memory_.conditions(); }
  Registers& regs() { return state_->regs; }
  CodeCache& cache() { return *cache_; }
  /// All of them, fs_base and gs_base as they are now.
  Registers registers() const;
  /// Registers and clock of a guest that was elsewhere until now.
  void take_registers(const Registers& registers);
  void set_ticks(u64 ticks);
  /// The XSAVE area (standard format) of the running guest thread; its size and components.
  u8* vector_area() { return vector_area_; }
  u64 vector_size() const { return vector_size_; }
  /// Memory for the vector state of another thread, which begins as a copy of this one; null: there is none. And which
  /// one is the running thread's.
  u8* make_vector_area();
  static void free_vector_area(u8* area);
  void use_vector_area(u8* area);
  /// Takes a vector state that this process has not saved itself. Bytes of components that are initial in it become
  /// zero: what the guest's frames and files say of a component may be stale.
  void set_vector_state(std::span<const u8> area);
  /// What ptrace gives of a thread (NT_X86_XSTATE) into a vector area, as set_vector_state() has it.
  void put_vector_state(u8* area, std::span<const u8> from_kernel) const;
  u64 vector_mask() const { return state_->vector_mask; }

  /// The registers and the vector state of a program that is about to start. The clock goes on.
  void reset(GuestAddr pc, GuestAddr sp);
  /// x87, SSE and all else initial, MXCSR and the x87 control word at their defaults.
  void reset_vector_state();

  GuestAddr pc() const { return GuestAddr{state_->regs.rip}; }

  /// Runs guest code from pc() until an exit that is not the code cache's own business: effect, fault,
  /// fetch_fault; or `direct` or `tick_stop` at a stop (ticks() is where it was wanted) or for a look
  /// (looks()), or when a request is waiting (bail). pc() is then the guest's, registers and vector state are saved.
  Exit run();
  /// Executes one guest instruction (which may leave with an effect, fault or fetch_fault instead).
  Exit step();

  u64 ticks() const { return state_->ticks(); }
  /// Counts a tick that no translated code counts (delivery of a signal, …).
  void count_tick();
  /// The next stop: when ticks() reaches `at` (> ticks()).
  void stop_at(u64 at);
  bool stopped() const { return state_->clock.stopped(); }
  /// After a stop, or to withdraw one: no stop is wanted for now.
  void no_stop() { stop_at(ticks() + TickCounters::far_away); }

  /// It stands at a tick: that is the stop.
  void stop_here() { state_->clock.stop_at(ticks()); }
  /// From the next stop_at() or no_stop() on, run() also leaves at ticks that are so many, or up to four times so many,
  /// apart; 0: not any more.
  void look_every(u64 ticks) { state_->clock.look_every = ticks; }
  /// It has left for that.
  bool looks() const { return ran_out_ && state_->clock.look_every != 0; }

  /// run() leaves before the instruction at `at` with ExitKind::stop, or no longer does; step() executes it
  /// all the same. Ticks do not depend on it. Only with no thread in the cache.
  void set_break(GuestAddr at, bool on);
  bool has_break(GuestAddr at) const { return translator_->has_break(at); }
  /// Does run() leave before the instruction at `at`, with this stack pointer?
  bool leaves_at(GuestAddr at, u64 rsp) const { return translator_->leaves_at(at, rsp); }
  /// What translated code does before the instruction at `at` from now on, apart from set_break().
  void set_break_points(GuestAddr at, std::vector<BreakPoint> points);
  /// Translated code finds accesses to watched memory from now on, or no longer does (core/dispatch/watches.h).
  void watch(const Watching& watching);
  /// Translated code leaves the cache with ExitKind::watch before it accesses these ranges from now on.
  void leave_before(const std::vector<GuestRange>& foreign);
  /// Does the translation (without light code) leave the cache before this instruction, because of what it accesses?
  bool leaves_for_watch(const Instruction& i, std::span<const u8> code, const Registers& registers);
  /// Null: nobody.
  void observe(BlockObserver* observer) { observer_ = observer; }

  /// For the kernel signal handler: ask for a stop at the next tick. `rip` and `rcx` are the interrupted
  /// thread's; a counting sequence that was interrupted is completed in them.
  void request_stop_from_handler(u64& rip, u64& rcx);
  /// Where a thread that faulted in the cache goes on, with its registers already in the state window.
  CacheAddr leave_code() const { return cache_->windows().front().leave; }

  struct Counters {
    u64 exits = 0, indirect_misses = 0, steps = 0;
  } counters;

 private:
  void prepare_state();
  void prepare_entry();
  Exit fetch_fault() const;
  Exit enter(CacheAddr at);
  bool can_fetch() const;
  CacheAddr body_for(GuestAddr pc, bool indirect);

  CodeSource& source_;
  TranslateOptions options_;
  bool ran_out_ = false;  // a counter, when the cache was left last
  StateMemory memory_;
  StateWindow* state_;
  std::unique_ptr<CodeCache> cache_;
  std::unique_ptr<Translator> translator_;
  EntryCode entry_;
  BlockObserver* observer_ = nullptr;
  u8* vector_area_ = nullptr;
  u64 vector_size_ = 0;
};

}  // namespace fred
