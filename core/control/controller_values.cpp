// The controller's commands that carry values of any length: conditions, searches, changes, facts.
#include <algorithm>
#include <cstring>

#include "core/base/exec_strings.h"
#include "core/control/controller.h"
#include "core/control/value_bytes.h"
#include "core/memory/guest_access.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

constexpr u64 search_step = 1 << 20;

std::string to_string(std::span<const u8> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
std::span<const u8> bytes_of(const std::string& text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

/// The first place of the pattern in what is readable of the guest's memory there.
std::optional<GuestAddr> find_in_memory(const GuestMemory& memory, GuestRange range, std::span<const u8> pattern) {
  std::vector<u8> piece(search_step + pattern.size() - 1);
  for (GuestAddr at = range.begin; at < range.end && range.end - at >= pattern.size();) {
    const Mapping* mapping = memory.table().find_from(at);
    if (mapping == nullptr) break;
    if (mapping->owner != Owner::guest) {
      at = mapping->range.end;
      continue;
    }
    at = std::max(at, mapping->range.begin);
    if (at >= range.end) break;
    const u64 size = std::min<u64>(piece.size(), range.end - at);  // perhaps on into the next mapping
    const u64 readable = guest_readable(at, size);
    if (readable >= pattern.size() && guest_read(piece.data(), at, readable)) {
      const auto end = piece.begin() + static_cast<std::ptrdiff_t>(readable);
      const auto found = std::search(piece.begin(), end, pattern.begin(), pattern.end());
      if (found != end) return at + static_cast<u64>(found - piece.begin());
    }
    at = readable == size ? at + std::min(size, search_step) : GuestAddr{page_floor(at.value + readable) + page_size};
  }
  return std::nullopt;
}

}  // namespace

void Controller::reply_long(Message m, std::span<const u8> text, u32 tag) {
  for (; text.size() > Message::max_text; text = text.subspan(Message::max_text)) {
    Message more{.kind = MessageKind::more};
    more.set_bytes(text.first(Message::max_text));
    reply(more, tag);
  }
  m.set_bytes(text);
  reply(std::move(m), tag);
}

void Controller::done(const Result<>& result, u32 tag) {
  if (result) {
    reply({.kind = MessageKind::done}, tag);
  } else {
    refuse(tag, result.error().message.c_str());
  }
}

bool Controller::carry_out_value(const Message& m, std::span<const u8> text) {
  const auto address = GuestAddr{m.number[0]};
  switch (m.kind) {
    case MessageKind::set_conditions:
      set_conditions(text, m.tag);
      return true;
    case MessageKind::collect:
      collect(m.time(), m.tag);
      return true;
    case MessageKind::trace:
      trace(m.time(), m.number[4], m.tag);
      return true;
    case MessageKind::search_memory:
      search({address, GuestAddr{m.number[1]}}, text, m.tag);
      return true;
    case MessageKind::write_memory:
      done(engine_.edit({.kind = EditKind::memory, .at = address.value, .bytes = to_string(text)}), m.tag);
      return true;
    case MessageKind::set_registers:
      done(engine_.edit({.kind = EditKind::registers, .bytes = to_string(text)}), m.tag);
      return true;
    case MessageKind::set_vector_state:
      done(engine_.edit({.kind = EditKind::vector, .bytes = to_string(text)}), m.tag);
      return true;
    case MessageKind::set_signal:
      set_signal(static_cast<int>(m.number[0]), text, m.tag);
      return true;
    case MessageKind::set_signal_info:
      done(engine_.edit({.kind = EditKind::signal_info, .bytes = to_string(text)}), m.tag);
      return true;
    case MessageKind::describe:
      describe(static_cast<GuestFact>(m.number[0]), m.tag);
      return true;
    default:
      return false;
  }
}

void Controller::set_conditions(std::span<const u8> text, u32 tag) {
  auto conditions = conditions_from(text);
  if (!conditions) return refuse(tag, conditions.error().message.c_str());
  done(engine_.conditions().set(std::move(*conditions)), tag);
}

void Controller::collect(const Time& to, u32 tag) {
  if (!engine_.is_worker()) return refuse(tag, "only a worker collects");
  const bool interrupted = run_.collect(to) == StopReason::interrupted;
  reply_long({.kind = MessageKind::notes, .number = {interrupted ? u64{1} : 0}}, to_bytes(engine_.conditions().notes()),
             tag);
}

void Controller::trace(const Time& to, u64 most, u32 tag) {
  if (!engine_.is_worker()) return refuse(tag, "only a worker traces");
  std::vector<TracePoint> points;
  const bool interrupted = run_.trace(to, most, points) == StopReason::interrupted;
  reply_long({.kind = MessageKind::trace_points, .number = {interrupted ? u64{1} : 0}}, to_bytes(points), tag);
}

void Controller::search(GuestRange range, std::span<const u8> pattern, u32 tag) {
  if (pattern.empty()) return refuse(tag, "nothing to search for");
  const auto found = find_in_memory(engine_.memory(), range, pattern);
  reply({.kind = MessageKind::found, .number = {found ? u64{1} : 0, found.value_or(GuestAddr{}).value}}, tag);
}

void Controller::set_signal(int number, std::span<const u8> info, u32 tag) {
  KernelSignal signal{.number = number, .info = {}};
  if (number < 0 || number > 64) return refuse(tag, "no such signal");
  if (info.empty()) {  // as from kill() of the debugger
    signal.info.si_code = SI_USER;
  } else if (info.size() == sizeof signal.info) {
    std::memcpy(&signal.info, info.data(), sizeof signal.info);
  } else {
    return refuse(tag, "a siginfo of another size");
  }
  signal.info.si_signo = number;
  done(engine_.edit_signal(signal), tag);
}

void Controller::describe(GuestFact fact, u32 tag) {
  Message m{.kind = MessageKind::fact};
  const auto& process = engine_.process();
  switch (fact) {
    case GuestFact::auxv:
      m.number[0] = 1;
      return reply_long(m, process.auxv, tag);
    case GuestFact::mappings:
      m.number[0] = 1;
      return reply_long(m, bytes_of(engine_.memory().maps_text()), tag);
    case GuestFact::exe:
      m.number[0] = 1;
      return reply_long(m, bytes_of(process.exe), tag);
    case GuestFact::args:
      m.number[0] = 1;
      return reply_long(m, bytes_of(joined(process.args)), tag);
    case GuestFact::waiting_signal:
      if (const auto* signal = engine_.signal_here(); signal != nullptr) {
        m.number[0] = 1;
        m.number[1] = static_cast<u64>(signal->number);
        m.number[2] = engine_.raised_signal() != 0 ? 1 : 0;
        return reply_long(m, {reinterpret_cast<const u8*>(&signal->info), sizeof signal->info}, tag);
      }
      break;
    case GuestFact::system_call: {
      const auto next = engine_.system_call_here(), made = engine_.system_call_behind();
      const auto& call = next ? next : made;
      m.number[0] = call ? 1 : 0;
      m.number[1] = call.value_or(0);
      m.number[2] = next ? 0 : 1;
      break;
    }
    case GuestFact::edited:
      m.number[0] = engine_.is_edited() ? 1 : 0;
      break;
    case GuestFact::thread:
      m.number[0] = 1;
      m.number[1] = static_cast<u64>(process.thread);
      break;
    case GuestFact::threads:
      m.number[0] = 1;
      return reply_long(m, to_bytes(engine_.threads().facts()), tag);
    default:
      return refuse(tag, "no such fact");
  }
  reply(m, tag);
}

}  // namespace fred
