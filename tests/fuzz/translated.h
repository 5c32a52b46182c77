// Executes a case translated, in this process.
#pragma once
#include "core/dispatch/cpu.h"
#include "core/memory/guest_memory.h"
#include "tests/fuzz/case.h"

namespace fred::fuzz {

/// An engine with nothing but memory.
class FuzzEngine final : public Engine {
 public:
  Mode mode() const override { return Mode::run; }
  GuestMemory& memory() override { return memory_; }
  GuestProcess& process() override { return process_; }
  bool owns_descriptor(i64) const override { return false; }
  const std::string& recording_dir() const override { return dir_; }
  u32 process_number() const override { return 1; }
  void notice_once(u64, const std::string&) override {}
  void code_gone(GuestRange) override {}
  void code_mapped(GuestRange) override {}
  void open_pages(GuestRange) override {}

 private:
  GuestProcess process_;
  std::string dir_;
  GuestMemory memory_{*this};
};

/// The code region is where code may be fetched; nobody writes to it while it is executed.
class FuzzSource final : public CodeSource {
 public:
  FuzzSource(GuestRange code, bool checked) : code_(code), checked_(checked) {}
  bool fetchable(u64 page) override { return code_.contains(GuestAddr{page}); }
  bool checked(u64) override { return checked_; }
  void translated(u64) override {}
  void remember_source(BlockId, GuestRange) override {}
  bool still_as_translated(BlockId) override { return true; }
  bool light_syscall(GuestAddr) override { return false; }

 private:
  GuestRange code_;
  bool checked_;
};

enum class Manner : u8 {
  run,      // in one go
  stopped,  // with stops at ticks on the way
  stepped,  // instruction by instruction; every tick is checked
  broken,   // with stops before some instructions on the way
};

struct TranslatedRun {
  Outcome outcome;
  u64 ticks = 0;
  u64 visits = 0;  // stepped, broken: how often execution came to one of the breaks
  bool left_for_effect = false;
  bool no_end = false;  // stepped for too long
  std::string problem;  // not empty: what went wrong besides the outcome
};

/// Memory and the code's bytes are in place. `seed` chooses stops and breaks. Not the memory in the outcome: that is
/// the caller's to take.
TranslatedRun run_translated(const Case& c, const Places& places, Cpu& cpu, Manner manner, u64 seed);

}  // namespace fred::fuzz
