// Peer's commands that carry values of any length: conditions, searches, changes, facts.
#include <algorithm>
#include <cerrno>

#include "core/control/peer.h"
#include "core/control/value_bytes.h"

namespace fred {

namespace {
Message timed(MessageKind kind, const Time& to) {
  Message m{.kind = kind};
  m.set_time(to);
  return m;
}
Result<> check_whole(const Message& answer, MessageKind kind) {
  if (answer.kind != kind) return fail_errno(EPROTO, "another answer than was asked for");
  if (answer.number[0] != 0) return std::unexpected(Error{EINTR, "interrupted"});
  return {};
}
}  // namespace

Result<u32> Peer::send_long(Message m, std::span<const u8> text) {
  for (; text.size() > Message::max_text; text = text.subspan(Message::max_text)) {
    Message part{.kind = MessageKind::part};
    part.set_bytes(text.first(Message::max_text));
    if (auto sent = send(part); !sent) return sent;
  }
  m.set_bytes(text);
  return send(std::move(m));
}

Result<> Peer::order(Message m, std::span<const u8> text) {
  const auto tag = send_long(std::move(m), text);
  if (!tag) return std::unexpected(tag.error());
  const auto answer = wait(*tag);
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Result<> Peer::set_conditions(const std::vector<Condition>& conditions) {
  return order({.kind = MessageKind::set_conditions}, to_bytes(conditions));
}

Message Peer::collect_message(const Time& to) { return timed(MessageKind::collect, to); }

Message Peer::trace_message(const Time& to, u64 most) {
  Message m = timed(MessageKind::trace, to);
  m.number[4] = most;
  return m;
}

Result<std::vector<Note>> Peer::notes_of(const Message& answer) {
  const auto text = take_text(answer);
  if (auto whole = check_whole(answer, MessageKind::notes); !whole) return std::unexpected(whole.error());
  return notes_from(text);
}

Result<std::vector<TracePoint>> Peer::trace_points_of(const Message& answer) {
  const auto text = take_text(answer);
  if (auto whole = check_whole(answer, MessageKind::trace_points); !whole) return std::unexpected(whole.error());
  return trace_points_from(text);
}

Result<std::vector<Note>> Peer::collect(const Time& to) {
  const auto answer = ask(collect_message(to));
  if (!answer) return std::unexpected(answer.error());
  return notes_of(*answer);
}

Result<std::vector<TracePoint>> Peer::trace(const Time& to, u64 most) {
  const auto answer = ask(trace_message(to, most));
  if (!answer) return std::unexpected(answer.error());
  return trace_points_of(*answer);
}

Result<> Peer::write_memory(GuestAddr at, std::span<const u8> bytes) {
  return order({.kind = MessageKind::write_memory, .number = {at.value}}, bytes);
}

Result<> Peer::set_registers(const Registers& registers) {
  return order({.kind = MessageKind::set_registers}, {reinterpret_cast<const u8*>(&registers), sizeof registers});
}

Result<> Peer::set_vector_state(std::span<const u8> area) {
  return order({.kind = MessageKind::set_vector_state}, area);
}

Result<> Peer::run_alone(ThreadId thread, bool unless_waits) {
  return order({.kind = MessageKind::run_alone, .number = {static_cast<u64>(thread), unless_waits ? u64{1} : 0}}, {});
}

Result<> Peer::set_signal(int number, std::span<const u8> signal_info) {
  return order({.kind = MessageKind::set_signal, .number = {static_cast<u64>(number)}}, signal_info);
}

Result<> Peer::set_signal_info(std::span<const u8> signal_info) {
  return order({.kind = MessageKind::set_signal_info}, signal_info);
}

Result<std::optional<GuestAddr>> Peer::search_memory(GuestRange range, std::span<const u8> pattern) {
  const auto tag =
      send_long({.kind = MessageKind::search_memory, .number = {range.begin.value, range.end.value}}, pattern);
  if (!tag) return std::unexpected(tag.error());
  const auto answer = wait(*tag);
  if (!answer) return std::unexpected(answer.error());
  if (answer->number[0] == 0) return std::nullopt;
  return GuestAddr{answer->number[1]};
}

Result<Message> Peer::describe(GuestFact fact) {
  return ask({.kind = MessageKind::describe, .number = {static_cast<u64>(fact)}});
}

Result<std::vector<u8>> Peer::auxv() {
  const auto answer = describe(GuestFact::auxv);
  if (!answer) return std::unexpected(answer.error());
  return take_text(*answer);
}

Result<std::string> Peer::mappings() {
  const auto answer = describe(GuestFact::mappings);
  if (!answer) return std::unexpected(answer.error());
  const auto text = take_text(*answer);
  return std::string(text.begin(), text.end());
}

Result<std::string> Peer::exe() {
  const auto answer = describe(GuestFact::exe);
  if (!answer) return std::unexpected(answer.error());
  return std::string(answer->text);
}

Result<std::string> Peer::args() {
  auto answer = describe(GuestFact::args);
  if (!answer) return std::unexpected(answer.error());
  const auto text = take_text(*answer);
  return std::string(text.begin(), text.end());
}

Result<std::optional<WaitingSignal>> Peer::waiting_signal() {
  const auto answer = describe(GuestFact::waiting_signal);
  if (!answer) return std::unexpected(answer.error());
  if (answer->number[0] == 0) return std::nullopt;
  return WaitingSignal{.number = static_cast<int>(answer->number[1]),
                       .fault = answer->number[2] != 0,
                       .signal_info = std::vector<u8>(answer->bytes().begin(), answer->bytes().end())};
}

Result<std::optional<Peer::AtSystemCall>> Peer::at_system_call() {
  const auto answer = describe(GuestFact::system_call);
  if (!answer) return std::unexpected(answer.error());
  if (answer->number[0] == 0) return std::nullopt;
  return AtSystemCall{.number = static_cast<u32>(answer->number[1]), .returned = answer->number[2] != 0};
}

Result<bool> Peer::is_edited() {
  const auto answer = describe(GuestFact::edited);
  if (!answer) return std::unexpected(answer.error());
  return answer->number[0] != 0;
}

Result<ThreadId> Peer::thread() {
  const auto answer = describe(GuestFact::thread);
  if (!answer) return std::unexpected(answer.error());
  return static_cast<ThreadId>(answer->number[1]);
}

Result<std::vector<ThreadFact>> Peer::threads() {
  const auto answer = describe(GuestFact::threads);
  if (!answer) return std::unexpected(answer.error());
  return threads_from(take_text(*answer));
}

}  // namespace fred
