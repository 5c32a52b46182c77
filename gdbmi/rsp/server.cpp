#include "gdbmi/rsp/server.h"

#include <fmt/format.h>

#include <algorithm>

#include "gdbmi/rsp/framing.h"
#include "gdbmi/rsp/hex.h"
#include "gdbmi/rsp/signals.h"

extern char** environ;

namespace fred::remote {

namespace {

constexpr std::string_view supported_features =
    "QStartNoAckMode+;multiprocess+;fork-events+;vfork-events+;exec-events+;ReverseStep+;ReverseContinue+;swbreak+;"
    "hwbreak+;vContSupported+;"
    "qXfer:features:read+;qXfer:auxv:read+;qXfer:exec-file:read+;qXfer:siginfo:read+;qXfer:siginfo:write+;qXfer:"
    "threads:read+;"
    "qXfer:libraries-svr4:read+;"
    "QPassSignals+;QProgramSignals+;QCatchSyscalls+;QStartupWithShell+;QDisableRandomization+;"
    "QEnvironmentHexEncoded+;QEnvironmentUnset+;QEnvironmentReset+;QSetWorkingDir+;ConditionalBreakpoints-;QNonStop-";

std::vector<std::string> own_environment() {
  std::vector<std::string> all;
  for (char** e = environ; *e != nullptr; ++e) all.emplace_back(*e);
  return all;
}

void erase_variable(std::vector<std::string>& environment, std::string_view name) {
  std::erase_if(environment, [&](const std::string& e) {
    return e.size() > name.size() && e.starts_with(name) && e[name.size()] == '=';
  });
}

template <class P, class... All>
constexpr bool one_of = (std::is_same_v<P, All> || ...);

std::vector<int> linux_signals(const std::vector<u8>& numbers) {
  std::vector<int> signals;
  for (const u8 n : numbers) {
    if (const auto signal = linux_signal(n)) signals.push_back(*signal);
  }
  return signals;
}

}  // namespace

struct Server::Dispatch {
  Server& server;
  /// About the process that gdb has chosen for questions; the other packets say which one they mean, or none.
  template <class P>
  static constexpr bool is_question =
      one_of<P, ReadRegisters, WriteRegisters, ReadRegister, WriteRegister, ReadMemory, ReadMemoryBinary, WriteMemory,
             WriteMemoryBinary, SearchMemory, CurrentThread, Symbol, Transfer, Monitor>;
  template <class P>
  Reply operator()(const P& packet) const {
    if constexpr (is_question<P>) server.focus();
    return server.handle(packet);
  }
};

Server::Server(Target& target, std::vector<std::string> command, std::function<void(const std::string&)> send)
    : target_(target),
      command_(std::move(command)),
      send_(std::move(send)),
      files_([this](const std::string& path) -> std::optional<std::string> {
        for (const auto& [process, inferior] : inferiors_) {
          const auto prefix = fmt::format("/proc/{}/", process);
          if (path.starts_with(prefix))
            return target_.process_file(process, std::string_view(path).substr(prefix.size()));
        }
        return std::nullopt;
      }) {
  target_.on_notice([this](const std::string& line) { notice(line); });
  target_.on_moved([this] {
    forget_state();
    for (auto& [process, inferior] : inferiors_) inferior.next_stop.reset();
  });
  if (target_.has_program()) {
    process_ = target_.process_id();
    inferiors_[process_].program = target_.executable().value_or("");
    last_stop_ = StoppedBySignal{.number = 5};
  }
}

Server::~Server() {
  target_.on_notice({});
  target_.on_moved({});
}

void Server::take(const Packet& packet) {
  if (const auto reply = std::visit(Dispatch{*this}, packet)) send_(*reply);
}

void Server::interrupt() {
  if (running_) target_.interrupt();
  interrupted_in_ = running_ ? std::nullopt : std::optional(target_.command());
}

void Server::disconnected() {
  interrupt();
  target_.hung_up();
  if (has_ended(process_)) process_ = target_.process_id();
  for (const auto& [process, inferior] : inferiors_) {
    if (process != process_) target_.let_go(process);
  }
  std::erase_if(inferiors_, [this](const auto& entry) { return entry.first != process_; });
  for (auto& [process, inferior] : inferiors_)
    inferior = {.thread_locals = {}, .libraries = {}, .program = inferior.program, .due = {}};
  multiprocess_ = false;
  general_ = going_process_ = 0;
  target_.report_processes(false);
  next_start_ = {};
}

Server::Reply Server::handle(const Malformed&) { return "E16"; }

Server::Reply Server::handle(const Supported& packet) {
  const auto has = [&](std::string_view feature) {
    return std::ranges::find(packet.features, feature) != packet.features.end();
  };
  multiprocess_ = has("multiprocess+");
  target_.report_processes(multiprocess_ && has("fork-events+") && has("vfork-events+") && has("exec-events+"));
  gdb_17_ = has("single-inf-arg+");  // no packet has gdb's version; this came with 17
  return fmt::format("PacketSize={:x};{}", packet_size, supported_features);
}

Server::Reply Server::handle(const NoAcknowledgements&) {
  send_("OK");
  if (no_acknowledgements_) no_acknowledgements_();
  return std::nullopt;
}

Server::Reply Server::handle(const NonStop& packet) { return packet.on ? "E.fred stops all threads together" : "OK"; }

Server::Reply Server::handle(const PassSignals& packet) {
  target_.pass_signals(linux_signals(packet.signals));
  return "OK";
}

Server::Reply Server::handle(const ProgramSignals&) { return "OK"; }  // gdb says with each resumption what it means

Server::Reply Server::handle(const CatchSyscalls& packet) {
  target_.catch_syscalls(packet.on, packet.numbers);
  return "OK";
}

Server::Reply Server::handle(const StartWithShell& packet) {
  next_start_.by_shell = packet.on;
  return "OK";
}

Server::Reply Server::handle(const DisableRandomization&) { return "OK"; }  // the layout is always the same

Server::Reply Server::handle(const SetVariable& packet) {
  if (!next_start_.environment) next_start_.environment = own_environment();
  erase_variable(*next_start_.environment, packet.assignment.substr(0, packet.assignment.find('=')));
  next_start_.environment->push_back(packet.assignment);
  return "OK";
}

Server::Reply Server::handle(const UnsetVariable& packet) {
  if (!next_start_.environment) next_start_.environment = own_environment();
  erase_variable(*next_start_.environment, packet.name);
  return "OK";
}

Server::Reply Server::handle(const ResetEnvironment&) {
  next_start_.environment.reset();
  return "OK";
}

Server::Reply Server::handle(const SetWorkingDirectory& packet) {
  next_start_.working_directory = packet.path;
  return "OK";
}

Server::Reply Server::handle(const FileSystem&) { return "F0"; }  // the program's files are those of fred's host

}  // namespace fred::remote
