#include "gdbmi/rsp/session_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "gdbmi/rsp/monitor.h"

namespace fred::remote {

SessionTarget::SessionTarget(Session& session, Launch surroundings)
    : session_(session), surroundings_(std::move(surroundings)), last_id_(0) {
  session_.on_notice([this](const std::string& line) { tell(line); });
}

void SessionTarget::on_notice(std::function<void(const std::string&)> handler) { notice_ = std::move(handler); }
void SessionTarget::tell(const std::string& line) {
  if (notice_) notice_(line);
}

Result<> SessionTarget::start(const StartRequest& request) {
  Launch launch = surroundings_;
  launch.args = request.args;
  launch.environment = request.environment;
  launch.working_directory = request.working_directory;
  launch.by_shell = request.by_shell;
  return begin([&] { return session_.start(launch); });
}

Result<> SessionTarget::attach(i64 process) {
  const auto number = std::exchange(attach_next_, std::nullopt);
  const auto* const recorded = session_.process_of(static_cast<pid_t>(process));
  if (number || recorded != nullptr) {
    return open(number ? *number : recorded->place.number, Session::OpenAt::tip);
  }
  return begin([&] { return session_.attach(static_cast<pid_t>(process)); });
}

Result<> SessionTarget::begin(const std::function<Result<>()>& make) {
  jumps_.clear();
  kept_info_.clear();
  points_.clear();
  next_event_.reset();
  search_.emplace(session_);
  auto done = make();
  if (done && started_) started_();
  if (!done) why_not_begun_ = done.error().message;
  return done;
}

void SessionTarget::kill() {
  session_.kill();
  jumps_.clear();
}

void SessionTarget::detach() {
  if (session_.process_number() > 1) return session_.let_go(session_.process_number());
  if (session_.has_program()) {
    session_.detach([this](const ProgramEnd& end) {
      if (detached_) detached_(end);
    });
  }
}

Result<Peer*> SessionTarget::peer_of(i64 process) {
  if (process == process_id()) return session_.here();
  const auto* const recorded = session_.process_of(static_cast<pid_t>(process));
  if (recorded == nullptr) return fail(fmt::format("process {} is not being debugged", process));
  return session_.here(recorded->place.number);
}

std::vector<ThreadFact> SessionTarget::threads_of(i64 process) {
  const bool current = process == process_id();
  if (current ? !session_.has_program() : session_.process_of(static_cast<pid_t>(process)) == nullptr) return {};
  const auto peer = peer_of(process);
  auto threads = peer ? (*peer)->threads() : std::unexpected(peer.error());
  if (threads) return std::move(*threads);
  return {{.id = static_cast<ThreadId>(process), .runs = true, .name = current ? session_.comm() : ""}};
}

Result<> SessionTarget::insert(i64 process, const Point& point) {
  if (point.kind >= PointKind::write_watch && point.size == 0) return fail("nothing to watch");
  points_[process].try_emplace(point, ConditionId{++last_id_});
  return {};
}

Result<> SessionTarget::remove(i64 process, const Point& point) {
  points_[process].erase(point);
  return {};
}

// ---------------------------------------------------------------------------------------------------------
// Processes.

bool SessionTarget::is_recorded(i64 process) {
  return attach_next_.has_value() || session_.process_of(static_cast<pid_t>(process)) != nullptr;
}

Result<> SessionTarget::select(i64 process) {
  if (process == process_id()) return {};
  const auto* const recorded = session_.process_of(static_cast<pid_t>(process));
  if (recorded == nullptr) return fail(fmt::format("process {} is not being debugged", process));
  return open(recorded->place.number, Session::OpenAt::begin);  // an open one stays where it is
}

Result<> SessionTarget::open(u32 number, Session::OpenAt at) {
  if (auto opened = session_.open(number, at); !opened) return opened;
  jumps_.clear();
  kept_info_.clear();
  search_.emplace(session_);
  if (selected_) selected_();
  return {};
}

void SessionTarget::let_go(i64 process) {
  const auto* const recorded = session_.process_of(static_cast<pid_t>(process));
  if (recorded != nullptr) session_.let_go(recorded->place.number);
  points_.erase(process);
}

void SessionTarget::catch_syscalls(bool on, std::vector<u32> numbers) {
  catching_ = on;
  caught_ = std::move(numbers);
}

// ---------------------------------------------------------------------------------------------------------
// What it is like.

Result<RegisterState> SessionTarget::registers(ThreadId thread) {
  const auto peer = session_.here();
  if (!peer) return std::unexpected(peer.error());
  const auto general = (*peer)->registers(thread);
  if (!general) return std::unexpected(general.error());
  auto vector = (*peer)->vector_state(thread);
  if (!vector) return std::unexpected(vector.error());
  RegisterState state{.general = *general, .vector = std::move(*vector)};
  if (thread != 0) return state;
  if (const auto call = (*peer)->at_system_call(); call && *call) state.system_call = (*call)->number;
  return state;
}

Result<> SessionTarget::set_registers(const RegisterState& state) {
  const auto now = registers();
  if (!now) return std::unexpected(now.error());
  // Vector state first: given back general registers may end a call in the past.
  if (state.vector != now->vector) {
    if (auto set = session_.set_vector_state(state.vector); !set) return set;
  }
  if (state.general != now->general) return session_.set_registers(state.general);
  return {};
}

Result<std::vector<u8>> SessionTarget::memory(GuestAddr at, u64 size) {
  const auto peer = session_.here();
  if (!peer) return std::unexpected(peer.error());
  return (*peer)->memory(at, size);
}

Result<> SessionTarget::write_memory(GuestAddr at, std::span<const u8> bytes) {
  return session_.write_memory(at, bytes);
}

Result<std::optional<GuestAddr>> SessionTarget::search_memory(GuestRange range, std::span<const u8> pattern) {
  const auto peer = session_.here();
  if (!peer) return std::unexpected(peer.error());
  return (*peer)->search_memory(range, pattern);
}

Result<std::vector<u8>> SessionTarget::auxv() {
  const auto peer = session_.here();
  if (!peer) return std::unexpected(peer.error());
  return (*peer)->auxv();
}

Result<std::string> SessionTarget::executable() {
  const auto peer = session_.here();
  if (!peer) return std::unexpected(peer.error());
  return (*peer)->exe();
}

Result<std::vector<u8>> SessionTarget::signal_info() {
  const auto peer = session_.here();
  if (!peer) return std::unexpected(peer.error());
  const auto waiting = (*peer)->waiting_signal();
  if (!waiting) return std::unexpected(waiting.error());
  if (*waiting) return (*waiting)->signal_info;
  if (kept_info_.empty()) return fail("no signal is waiting");
  return kept_info_;
}

Result<> SessionTarget::write_signal_info(u64 offset, std::span<const u8> bytes) {
  const auto peer = session_.here();
  if (!peer) return std::unexpected(peer.error());
  const auto waiting = (*peer)->waiting_signal();
  if (!waiting) return std::unexpected(waiting.error());
  auto info = *waiting ? (*waiting)->signal_info : kept_info_;
  // When a function that gdb called has returned, gdb gives back the whole siginfo of the stop before the call.
  if (info.empty() && offset == 0 && bytes.size() == sizeof(siginfo_t)) info.resize(sizeof(siginfo_t));
  if (info.empty()) return fail("no signal is waiting");
  if (offset > info.size() || bytes.size() > info.size() - offset) return fail("beyond the end of siginfo");
  std::ranges::copy(bytes, info.begin() + static_cast<std::ptrdiff_t>(offset));
  if (*waiting) return session_.set_signal_info(info);
  kept_info_ = std::move(info);
  return {};
}

std::optional<std::string> SessionTarget::process_file(i64 process, std::string_view name) {
  const auto peer = peer_of(process);
  if (!peer) return std::nullopt;
  if (name.starts_with("task/")) name.remove_prefix(std::min(name.find('/', 5), name.size() - 1) + 1);
  const auto text = [](Result<std::string> content) -> std::optional<std::string> {
    if (!content) return std::nullopt;
    return std::move(*content);
  };
  if (name == "maps" || name == "smaps") return text((*peer)->mappings());
  if (name == "exe") return text((*peer)->exe());
  if (name == "cmdline") return text((*peer)->args());
  return std::nullopt;
}

std::string SessionTarget::monitor(std::string_view command) {
  if (command == "end-free-run") return end_free_run(), "";
  const auto catch_these = [this](std::vector<ProcessCondition::Event> events) { catch_backwards(std::move(events)); };
  return answer_monitor({.session = session_, .catch_backwards = catch_these}, command);
}

bool SessionTarget::converse(std::string_view command, std::function<void(const std::string&)> reply) {
  constexpr std::string_view mark = "fred {";
  if (!correspondent_.take || !command.starts_with(mark)) return false;
  correspondent_.take(command.substr(mark.size() - 1), std::move(reply));
  return true;
}

void SessionTarget::hung_up() {
  if (correspondent_.hung_up) correspondent_.hung_up();
}

}  // namespace fred::remote
