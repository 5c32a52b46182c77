// What is emitted around instructions that may access watched memory: their address selects a byte of the map of
// granules; where that is 0 nothing more happens. No flag is touched.
//
//   mov [spill], rcx;  lea rcx, ADDRESS
//   rorx rcx, rcx, 8;  movzx ecx, cx;  movzx ecx, byte [granules+rcx]
//   jrcxz over;  jmp cold;  over: mov rcx, [spill];  INSTRUCTION
//
// Foreign memory is found in the same way, by larger granules (bits 16 to 31), and the cold code leaves the cache.
// (Without BMI2, which has the only shift that touches no flag: mov [access_address], rcx; movzx ecx, word
// [access_address+1].) The cold code forms the address once more, for check_watched.
//
// Behind an instruction that writes a watched register R:
//
//   mov [spill], rcx;  mov rcx, [minus_known R];  lea rcx, [R+rcx]
//   jrcxz over;  jmp cold;  over: mov rcx, [spill]
//
// The cold code executes a copy of the instruction and then calls check_watched (core/dispatch/watch_check.h) through
// the light code; or calls it before the instruction, where that transfers control or accesses two places.
#pragma once
#include <vector>

#include "core/arch/x86/condition_window.h"
#include "core/cache/code_cache.h"
#include "core/translate/accesses.h"

namespace fred {

class Emitter;

/// Which accesses are of interest to the watches there are.
struct Watching {
  bool stores = false, loads = false;
  u16 registers = 0;  // a bit for each Gpr
  bool any() const { return stores || loads || registers != 0; }
  bool operator==(const Watching&) const = default;
};

/// How an instruction is checked.
struct WatchPlan {
  enum class Way : u8 {
    none,
    behind,  // of one access, in a cold copy of the instruction
    before,  // of all `accesses`
    call,    // a rep instruction: check_watched is always called before it
    step,    // the cache is left: the engine steps it and compares
  };
  Way way = Way::none;
  std::vector<Access> accesses;
  u8 flags = 0;                // call: AccessFlags
  u32 size = 0;                // call: of an element
  std::vector<Gpr> registers;  // unless it is stepped: are compared behind it
};

/// `light`: translated code may call check_watched; else what would have to is stepped.
WatchPlan plan_watch(const Instruction& instruction, std::span<const u8> code, const Watching& watching, bool light);

class WatchCode {
 public:
  WatchCode(Emitter& emitter, CodeCache& cache, const CacheWindow& window, const StateWindow& state,
            const ConditionWindow& conditions, bool bmi2)
      : e_(emitter), cache_(cache), window_(window), state_(state), conditions_(conditions), bmi2_(bmi2) {}

  /// The check; returns where the jump to the cold code has its displacement.
  CacheAddr check(const Access& access) { return check(access, conditions_.granules[0], 8); }
  /// The same for foreign memory (condition_window.h).
  CacheAddr check_foreign(const Access& access) { return check(access, conditions_.foreign[0], 16); }
  /// Compares a register with its known value, behind the instruction that writes it; returns the same.
  CacheAddr check(Gpr gpr);
  /// At the cold code's begin, where a register has changed: rcx is the guest's again.
  void begin_cold(CacheAddr hole);
  /// At the cold code's begin: keeps the address for call(); rcx is the guest's again.
  void begin_cold(CacheAddr hole, const Access& access);
  /// Calls check_watched, then goes on at `resume`, or behind this code if there is none.
  void call(const Instruction& i, u8 flags, u32 size, CacheAddr resume);

 private:
  void address(const Access& access);
  /// By 16 bits of the address, from `first_bit` on.
  CacheAddr check(const Access& access, const u8& table, u8 first_bit);

  Emitter& e_;
  CodeCache& cache_;
  const CacheWindow& window_;
  const StateWindow& state_;
  const ConditionWindow& conditions_;
  bool bmi2_;
};

}  // namespace fred
