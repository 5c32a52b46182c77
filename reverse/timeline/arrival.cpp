#include "reverse/timeline/arrival.h"

#include <cstring>

namespace fred {
namespace {
constexpr u64 longest_instruction = 15;
// struct ucontext, as rt_sigreturn finds it at rsp, and a handler 8 bytes above its own.
constexpr u64 ucontext_rsp = 40 + 15 * 8, ucontext_rip = 40 + 16 * 8;

/// A call that does not tick goes upwards, so only its distance, its target or what it pushed tells it from a push.
bool is_upward_call(Execution& execution, Code& code, const TracePoint& from, const TracePoint& to) {
  const GuestAddr a = from.time.pc, b = to.time.pc;
  if (b <= a || b - a > longest_instruction || code.is_entry(b) || code.different_functions(a, b)) return true;
  if (code.function(b)) return false;
  const std::optional<u64> pushed = word_at(execution, to.time, to.stack_pointer);
  return pushed && *pushed != b.value && may_be_call_before(a, GuestAddr{*pushed});
}
}  // namespace

std::optional<u64> word_at(Execution& execution, const Time& time, u64 address) {
  const Result<std::vector<u8>> bytes = execution.memory_at(time, GuestAddr{address}, 8);
  if (!bytes || bytes->size() != 8) return std::nullopt;
  u64 word;
  std::memcpy(&word, bytes->data(), 8);
  return word;
}

Arrival arrival(Execution& execution, Code& code, const TracePoint& from, const TracePoint& to) {
  const u64 a = from.stack_pointer, b = to.stack_pointer;
  if (from.time.ticks == to.time.ticks) {
    return a - b == 8 && is_upward_call(execution, code, from, to) ? Arrival::call : Arrival::straight;
  }
  if (a == b) return Arrival::jump;
  if (b - a == 8) return Arrival::returned;
  if (a - b == 8) return Arrival::call;
  if (b > a && word_at(execution, from.time, a) == to.time.pc.value) return Arrival::returned;
  if (word_at(execution, from.time, a + ucontext_rsp) == b &&
      word_at(execution, from.time, a + ucontext_rip) == to.time.pc.value) {
    return Arrival::resumed;
  }
  if (word_at(execution, to.time, b + 8 + ucontext_rsp) == a) return Arrival::delivered;
  return Arrival::jump;
}

}  // namespace fred
