// The processes that gdb debugs, and which of them the server's target shows.
#include "gdbmi/rsp/server.h"

namespace fred::remote {

void Server::becomes_current(i64 process) {
  process_ = process;
  forget_state();
  taken_out_.clear();
}

bool Server::has_ended(i64 process) const {
  const auto known = inferiors_.find(process);
  return known != inferiors_.end() && known->second.has_ended;
}

bool Server::select(i64 process) {
  if (const i64 now = target_.process_id(); now != process_ && inferiors_.contains(now) && !has_ended(process_)) {
    becomes_current(now);  // somebody else has selected it
  }
  if (process <= 0 || process == process_) return target_.has_program();
  if (running_ || !inferiors_.contains(process)) return false;
  if (!has_ended(process) && !target_.select(process)) return false;
  becomes_current(process);
  auto& program = inferiors_[process].program;
  if (program.empty()) program = target_.executable().value_or("");
  return true;
}

void Server::forget_process(i64 process) {
  inferiors_.erase(process);
  threads_.erase(process);
  if (general_ == process) general_ = 0;
  if (going_process_ == process) going_process_ = 0;
  if (process_ == process) process_ = 0;
  if (inferiors_.empty() && program_gone_) program_gone_();
}

Server::Reply Server::handle(const Attach& packet) {
  const auto process = static_cast<i64>(packet.process);
  if (!target_.is_recorded(process)) {
    if (!inferiors_.empty()) return "E.fred records one program at a time, and its children";
    if (auto attached = begin([&] { return target_.attach(process); }); !attached) return error_reply(attached.error());
    return told_stop();
  }
  if (inferiors_.contains(process)) return "E.it is being debugged already";
  if (auto attached = target_.attach(process); !attached) return error_reply(attached.error());
  inferiors_[process].program = target_.executable().value_or("");
  becomes_current(process);
  general_ = process;
  last_stop_ = StoppedBySignal{};
  return told_stop();
}

Server::Reply Server::handle(const Detach& packet) {
  const auto process = packet.process != 0 ? static_cast<i64>(packet.process) : process_;
  if (!inferiors_.contains(process)) return "E01";
  const bool last = inferiors_.size() == 1;
  if (has_ended(process)) {
    // There is nothing to let go.
  } else if (last) {
    (void)select(process);
    target_.detach();
    running_ = false;
    last_stop_.reset();
  } else {
    target_.let_go(process);
  }
  send_("OK");
  forget_process(process);
  return std::nullopt;
}

Server::Reply Server::handle(const Kill&) {
  running_ = false;
  while (!inferiors_.empty()) {
    const i64 process = inferiors_.begin()->first;
    if (!has_ended(process) && select(process)) target_.kill();
    forget_process(process);
  }
  return std::nullopt;
}

Server::Reply Server::handle(const KillProcess& packet) {
  const auto process = static_cast<i64>(packet.process);
  if (!select(process)) return "E01";
  if (!has_ended(process)) target_.kill();
  running_ = false;
  send_("OK");
  forget_process(process);
  return std::nullopt;
}

/// The same of programs: where the motion has ended another one is executed than gdb knows of. Going forward it is told
/// of each on the way.
std::optional<StopEvent> Server::other_program(const StopEvent& event, Motion motion) {
  auto& known = inferiors_[process_].program;
  const bool back = motion == Motion::go_back || motion == Motion::step_back;
  if (const auto* executed = std::get_if<ExecutedProgram>(&event)) {
    known = executed->path;
    inferiors_[process_].unread_symbols = back;  // forwards it has not loaded any yet
  }
  if (!multiprocess_ || !(back || target_.has_jumped()) || std::holds_alternative<ExecutedProgram>(event)) {
    return std::nullopt;
  }
  auto path = target_.executable();
  if (!path || *path == known) return std::nullopt;
  known = *path;
  inferiors_[process_].unread_symbols = true;
  return ExecutedProgram{std::move(*path)};
}

}  // namespace fred::remote
