// The guest's accesses to foreign memory (core/memory/foreign_memory.h), and how memory becomes such.
//
// Translated code leaves the cache before an instruction that may access it, and the instruction is executed alone:
// what it reads is fetched into the guest's copy first, and logged where it differs from what the copy had (event
// `load`, at the Time of the instruction; it does not tick); what it writes is handed on behind it. What it reads and
// writes at once, as atomic instructions do, is exchanged in the memory itself first; the instruction then does the
// same to the copy. So every access is as atomic as natively, and happens in program order.
//
// Live looks in /proc for others that have the guest's shared mappings writable (event `foreign`): when the guest makes
// one, when somebody opens the file of one (core/tree/open_notices.h), and now and then.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/cache/code_cache.h"
#include "core/translate/accesses.h"
#include "core/tree/open_notices.h"

namespace fred {

class GuestEngine;

class ForeignAccess {
 public:
  explicit ForeignAccess(GuestEngine& engine) : engine_(engine) {}

  /// Live, at a safe point, with the turn: looks for others that write the guest's memory, if it is time to. True: some
  /// memory has become foreign, and it is another Time.
  bool look();
  /// Live: looking is of use, although no system call comes by.
  bool looks() const { return looking_; }
  /// A worker: true: memory became foreign here.
  bool look_again();

  /// Does the running thread's stack lie there? Then every instruction is executed alone.
  bool holds_stack() const;

  /// Cpu::step(), for an instruction that may access foreign memory.
  Exit step();
  /// Iterations after which the rep instruction at pc is to be left, so that it is done in parts; 0: it need not.
  u64 part_of_repetition();

  /// The engine carries out an instruction that reads there.
  void reads(GuestRange range);
  /// Live: what the engine has written to the guest's copies.
  void hand_on(GuestRange range);
  /// Live: what the kernel has written to the memory itself comes into the copies.
  void fetch(GuestRange range);

  u64 accesses() const { return accesses_; }
  u64 loads() const { return loads_; }

 private:
  struct Decoded {
    std::vector<u8> code;
    Instruction instruction;
    Accesses accesses;
    bool locked = false;
  };
  struct Loaded {
    GuestRange range;
    std::vector<u8> bytes;
  };
  const Decoded* decode_here();
  /// What the instruction touches of foreign memory; of a rep instruction with all its iterations.
  std::vector<Touched> touched_by(const Decoded& decoded, const Registers& registers);
  Exit access(const Decoded& decoded, const std::vector<Touched>& touched);
  bool load(const std::vector<Touched>& touched, std::vector<Loaded>& loaded);
  bool load_piece(GuestRange range, std::vector<Loaded>& loaded);
  /// The copy gets these bytes of the memory.
  void take(std::span<const u8> now, GuestRange range, std::vector<Loaded>& loaded);
  /// An instruction that reads and writes one word, done to the memory at once; nothing: it is not of a known form.
  std::optional<Exit> exchange(const Decoded& decoded, const Touched& touched);
  /// `before`: the copy's contents. False: another process has changed what was read, and this is not the last attempt.
  bool store(const Touched& touched, std::span<const u8> before, bool last_attempt);
  bool store_all(const Decoded& decoded, const Registers& before, const std::vector<Touched>& touched,
                 const std::vector<std::vector<u8>>& contents, bool last_attempt);
  /// False: it cannot be had elsewhere.
  bool become_foreign(const std::vector<GuestRange>& wanted);
  void log(const Time& at, const Registers& registers, const std::vector<Loaded>& loaded);
  /// A worker: what was loaded here. False: nothing was.
  bool load_again();
  /// Of memory beyond the end of its file. The exit of an instruction that has not been executed.
  Exit raise_bus_error(GuestAddr at);
  bool bus_error_is_recorded();
  /// A store to memory that the guest may only read, which the engine keeps open.
  Exit step_closed(GuestRange range);

  GuestEngine& engine_;
  std::unordered_map<u64, Decoded> decoded_;  // by pc
  bool looking_ = false;
  bool opened_ = false;  // somebody has opened a file since the last look
  u64 seen_made_ = 0, seen_foreign_ = 0;
  OpenNotices notices_;
  using Clock = std::chrono::steady_clock;
  Clock::time_point started_ = Clock::now(), later_{};  // the next look if nothing asks for one before
  Clock::duration spent_{};                             // by looks
  u64 accesses_ = 0, loads_ = 0;
};

}  // namespace fred
