#include "core/syscalls/syscall.h"

#include <algorithm>

#include "core/dispatch/foreign_access.h"
#include "core/dispatch/guest_engine.h"
#include "core/memory/guest_access.h"
#include "core/memory/guest_memory.h"
#include "core/signals/kernel_signals.h"
#include "core/syscalls/foreign_arguments.h"
#include "core/syscalls/memory.h"
#include "core/syscalls/table.h"
#include "core/threads/threads.h"

namespace fred {

Syscall::Syscall(Engine& engine, u64 number, const u64 (&args)[6]) : engine_(engine), number_(number) {
  std::copy(std::begin(args), std::end(args), std::begin(args_));
  std::copy(std::begin(args), std::end(args), std::begin(kernel_args_));
}

namespace {
EventStream& events_of(Engine& engine) { return static_cast<GuestEngine&>(engine).events(); }
}  // namespace

Mode Syscall::mode() const { return engine_.mode(); }

i64 Syscall::perform(const std::function<i64()>& ask) {
  return events_of(engine_).result([&] { return ask(); });
}

i64 Syscall::ask_kernel(u64 number, const u64 (&args)[6]) {
  auto& engine = static_cast<GuestEngine&>(engine_);
  const auto& regs = engine.cpu().regs();
  auto& cut = engine.stand().cut_call;
  // Interrupted by the session, it begins anew with what is left of its time.
  const bool anew = cut && cut->is(number, regs.rip, regs.gpr[rsp]);
  TimeLimit limit = anew ? cut->limit : TimeLimit(number, args);
  u64 now[6];
  std::copy(std::begin(args), std::end(args), std::begin(now));
  if (anew) limit.shorten(now);
  cut.reset();
  ForeignArguments arguments;
  if (engine.memory().foreign().any()) [[unlikely]]
    arguments.translate(engine.memory().foreign(), number, now);
  if (may_wait()) return engine.threads().wait(number, now, limit);
  auto& turn = engine.tree().turn();
  const TurnAway away(turn, turn.held() && blocks());
  const i64 result = guest_syscall(number, now);
  if (result == restart_call && control_requested() && !signal_is_pending()) {
    cut = CutCall{.number = number, .pc = regs.rip, .sp = regs.gpr[rsp], .limit = limit};
  }
  return result;
}

bool Syscall::blocks() const {
  const auto* row = find_row(number_);
  if (row == nullptr || !row->blocks) return false;
  // Others may have the file mapped: what changes it is done with the turn.
  const bool held = mode() == Mode::record && static_cast<GuestEngine&>(engine_).tree().turn().held();
  return !held || !changes_regular_file(*this);
}

void* Syscall::scratch(u64 size) {
  return needs_buffers() || engine_.memory().foreign().any() ? buffers_.keep(size) : nullptr;
}

bool Syscall::may_wait() const {
  return !keeps_turn_ && static_cast<GuestEngine&>(engine_).threads().can_wait() && blocks();
}

bool Syscall::needs_buffers() const {
  return may_wait() || (!keeps_turn_ && static_cast<GuestEngine&>(engine_).tree().turn().held() && blocks());
}

i64 Syscall::execute() {
  return events_of(engine_).result([&] { return ask_kernel(number_, kernel_args_); });
}

i64 Syscall::execute(u64 number, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) {
  return events_of(engine_).result([&] {
    const u64 args[6] = {a0, a1, a2, a3, a4, a5};
    return ask_kernel(number, args);
  });
}

void Syscall::output(GuestAddr at, u64 size) {
  buffers_.deliver(at, size);
  const auto range = guest_range(at, size);
  if (mode() == Mode::record && engine_.memory().foreign().overlaps(range)) [[unlikely]]
    static_cast<GuestEngine&>(engine_).foreign().fetch(range);
  events_of(engine_).output(at, size);
}

GuestAddr Syscall::buffer(GuestAddr at, u64 size) {
  engine_.open_pages(guest_range(at, size));
  if (const u8* alias = engine_.memory().foreign().alias(at); alias != nullptr) [[unlikely]]
    return GuestAddr{reinterpret_cast<u64>(alias)};
  if (!needs_buffers()) return at;
  const auto place = buffers_.in_place_of(engine_.memory(), at, size);
  // The kernel writes there whoever has the turn.
  if (place == at) engine_.memory().shared_pages().compare_whole(guest_range(at, size));
  return place;
}

void Syscall::value(void* data, u64 size) { events_of(engine_).value(data, size); }
bool Syscall::put(GuestAddr at, const void* from, u64 size) { return guest_store(at, from, size); }
bool Syscall::get(void* to, GuestAddr from, u64 size) const { return guest_read(to, from, size); }

bool Syscall::get_string(std::string& to, GuestAddr from, u64 limit) const {
  to.clear();
  char piece[64];
  while (to.size() < limit) {
    const auto at = from + to.size();
    const u64 wanted = std::min({limit - to.size(), sizeof piece, page_size - at.value % page_size});
    if (!guest_read(piece, at, wanted)) return false;
    const char* end = std::find(piece, piece + wanted, '\0');
    to.append(piece, static_cast<std::size_t>(end - piece));
    if (end != piece + wanted) return true;
  }
  return false;
}

void Syscall::will_write(GuestAddr at, u64 size) {
  keeps_turn_ = true;
  engine_.open_pages(guest_range(at, size));
}

}  // namespace fred
