// The self-check --lockstep: every block is executed twice from the same state, first natively by
// single-stepping, then (after what it wrote has been undone) translated. Registers, flags, vector state,
// the memory that the block wrote, and a fault at its end must be the same; the first difference ends the
// process with status 125 and one line.
//
// Blocks end at their first transfer of control (single_block) and nothing is linked, so each is entered
// through the dispatcher. An instruction that the engine carries out ends the stretch before it.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/dispatch/cpu.h"
#include "core/engine.h"
#include "core/signals/kernel_signals.h"

namespace fred {

class CodePages;

class Lockstep final : public BlockObserver {
 public:
  Lockstep(Engine& engine, Cpu& cpu, CodePages& pages);

  void before(CacheAddr at) override;
  void after(const Exit& exit) override;

  struct Counters {
    u64 blocks = 0, instructions = 0;
    u64 skipped = 0;  // blocks that were not compared: instructions whose writes are not known, long repeated
                      // ones, pages that may not be made executable, requests that came before the block
  } counters;

  /// What the translator's options must be.
  static void adapt(TranslateOptions& options);

 private:
  /// Memory that the native execution may have written.
  struct Written {
    GuestRange range;
    std::vector<u8> before, native;
  };
  /// What the block is expected to do.
  struct Native {
    GuestAddr start;
    Registers regs;
    std::vector<u8> vector;
    std::optional<GuestFault> fault;
    std::vector<Written> written;
    u32 instructions = 0;
    bool stepping = false;  // the block is one instruction, stepped
    bool known = false;     // it was executed natively
  };

  bool run_natively(const std::vector<GuestAddr>& block);
  bool prepare_step(const Instruction& i);
  void note_write(GuestAddr at, u64 size);
  void undo();
  bool make_executable(GuestRange code);
  void restore_protection();
  std::vector<GuestAddr> instructions_at(CacheAddr at);
  [[noreturn]] void differs(const std::string& what) const;
  GuestAddr end_of(const Exit& exit);

  Engine& engine_;
  Cpu& cpu_;
  CodePages& pages_;
  Native native_;
  std::vector<u64> executable_;  // pages
};

}  // namespace fred
