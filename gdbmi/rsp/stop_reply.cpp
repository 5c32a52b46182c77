#include "gdbmi/rsp/stop_reply.h"

#include <fmt/format.h>

#include <csignal>

#include "gdbmi/rsp/hex.h"
#include "gdbmi/rsp/signals.h"

namespace fred::remote {

namespace {

constexpr std::string_view watch_words[] = {"watch", "rwatch", "awatch"};  // by WatchCondition::Access

/// A signal, and what else is to be said.
struct Told {
  int signal = 0;
  std::string reason;
};
struct TellStop {
  Told operator()(const StoppedBySignal& s) const { return {s.number, {}}; }
  Told operator()(const StoppedAtBreak& b) const { return {SIGTRAP, b.hardware ? "hwbreak:;" : "swbreak:;"}; }
  Told operator()(const StoppedAtWatch& w) const {
    return {SIGTRAP, fmt::format("{}:{:x};", watch_words[static_cast<std::size_t>(w.access)], w.at.value)};
  }
  Told operator()(const StoppedAtSyscall& s) const {
    return {SIGTRAP, fmt::format("{}:{:x};", s.returned ? "syscall_return" : "syscall_entry", s.number)};
  }
  Told operator()(HistoryBound bound) const {
    return {SIGTRAP, bound == HistoryBound::begin ? "replaylog:begin;" : "replaylog:end;"};
  }
  Told operator()(const OtherLibraries&) const { return {SIGTRAP, "library:;"}; }
  Told operator()(const Forked& f) const {
    return {SIGTRAP, fmt::format("{}:p{:x}.{:x};", f.vfork ? "vfork" : "fork", f.child, f.child)};
  }
  Told operator()(const VforkDone&) const { return {SIGTRAP, "vforkdone:;"}; }
  Told operator()(const ExecutedProgram& e) const {
    return {SIGTRAP, fmt::format("exec:{};", to_hex(std::string_view(e.path)))};
  }
  Told operator()(const Exited&) const { return {}; }
  Told operator()(const KilledBy&) const { return {}; }
};

}  // namespace

std::string Naming::thread(ThreadId id) const {
  return with_process ? fmt::format("p{:x}.{:x}", process, id) : fmt::format("{:x}", id);
}

std::string stop_reply(const StopEvent& event, const Naming& naming, ThreadId thread, const std::string& registers) {
  const std::string process = naming.with_process ? fmt::format(";process:{:x}", naming.process) : "";
  if (const auto* exited = std::get_if<Exited>(&event)) return fmt::format("W{:02x}{}", exited->status & 0xff, process);
  if (const auto* killed = std::get_if<KilledBy>(&event)) {
    return fmt::format("X{:02x}{}", gdb_signal(killed->signal), process);
  }
  const auto told = std::visit(TellStop{}, event);
  return fmt::format("T{:02x}{}{}thread:{};", gdb_signal(told.signal), told.reason, registers, naming.thread(thread));
}

}  // namespace fred::remote
