#include "core/control/report.h"

#include <unistd.h>

#include "core/base/descriptor.h"
#include "core/control/statistics.h"
#include "core/signals/kernel_signals.h"

namespace fred {

void Reporter::send(Message m) {
  if (socket_ < 0) return;
  m.pid = static_cast<u32>(getpid());
  (void)send_message(socket_, m);  // nobody listens any more: there is nobody to tell
}

void Reporter::started() { send({.kind = MessageKind::started}); }

void Reporter::taken_over(std::span<const ThreadEntry> entries) {
  constexpr std::size_t at_once = Message::max_text / sizeof(ThreadEntry);
  for (; entries.size() > at_once; entries = entries.subspan(at_once)) {
    Message part{.kind = MessageKind::more};
    part.set_bytes({reinterpret_cast<const u8*>(entries.data()), at_once * sizeof(ThreadEntry)});
    send(part);
  }
  Message last{.kind = MessageKind::started};
  last.set_bytes({reinterpret_cast<const u8*>(entries.data()), entries.size_bytes()});
  send(last);
}

void Reporter::say(MessageKind kind, const std::string& text) {
  Message m{.kind = kind};
  m.set_text(text);
  send(m);
}

void Reporter::start_failed(const std::string& why) { say(MessageKind::start_failed, why); }
void Reporter::failed(const std::string& line) { say(MessageKind::failed, line); }
void Reporter::deadlock(const std::string& text) { say(MessageKind::deadlock, text); }

void Reporter::move_to(int socket) {
  socket_ = socket;
  set_control_socket(socket);
}

void Reporter::close() {
  close_engine_descriptor(socket_);
  move_to(-1);
}

void Reporter::ended(GuestEngine& engine, const GuestEnd& end) {
  say(MessageKind::statistics, statistics_text(engine));
  const u64 by_signal = end.by_signal ? 1 : 0;
  Message ended{.kind = MessageKind::ended,
                .number = {by_signal, static_cast<u64>(end.status), engine.events().events(), engine.cpu().ticks(),
                           engine.events().log_bytes()}};
  ended.set_text(engine.process().comm);
  send(ended);
}

void Reporter::verified(const Verification& v, u32 tag) {
  send({.kind = MessageKind::verified,
        .tag = tag,
        .number = {v.events, v.ticks, v.nanoseconds, v.broken_off ? u64{1} : 0}});
}

void Reporter::diverged(const Divergence& d) {
  Message m{.kind = MessageKind::diverged, .number = {d.event, d.time.ticks, d.time.pc.value}};
  m.set_text(d.what);
  send(m);
  _exit(125);
}

}  // namespace fred
