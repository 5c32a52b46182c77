// How a thread came from one instruction to its next one, as far as two neighbouring points of a trace show it.
#pragma once
#include "reverse/execution.h"
#include "reverse/timeline/code.h"

namespace fred {

enum class Arrival : u8 {
  straight,   // within the frame: no transfer that ticks, or a jump
  jump,       // a transfer that ticks and is none of the others; may leave the function
  call,       // `to` is the first instruction of a callee
  returned,   // `from` is a return instruction
  delivered,  // `to` is the first instruction of a signal's handler
  resumed,    // `from` is the rt_sigreturn that ended a handler
};

/// Every return ticks and moves rsp up by 8 or more; no other instruction does both. Signals are known by the frame
/// that the kernel's interface prescribes.
Arrival arrival(Execution& execution, Code& code, const TracePoint& from, const TracePoint& to);

/// The 8 bytes there, nothing if they cannot be read.
std::optional<u64> word_at(Execution& execution, const Time& time, u64 address);

/// A call instruction that returns to `back` has between 2 and 7 bytes.
inline constexpr u64 shortest_call = 2, longest_call = 7;
constexpr bool may_be_call_before(GuestAddr pc, GuestAddr back) {
  return pc.value + shortest_call <= back.value && back.value <= pc.value + longest_call;
}

}  // namespace fred
