// A guest program recorded to its end, with its log and snapshots to fork workers from: for tests of control.
#pragma once
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/engine_process.h"
#include "core/control/peer.h"
#include "core/dispatch/run_control.h"
#include "core/trace/log_file.h"
#include "core/tree/recorded_tree.h"
#include "temporary_folder.h"
#include "test.h"

namespace fred {

/// Every switch of the translator, each alone.
inline const std::vector<std::vector<std::string>> translator_switches = {{},
                                                                          {"--no-link"},
                                                                          {"--no-inline-lookup"},
                                                                          {"--single-block"},
                                                                          {"--no-light"},
                                                                          {"--no-traces"},
                                                                          {"--one-counter"},
                                                                          {"--full-decoder"},
                                                                          {"--no-inline-notes"},
                                                                          {"--no-bmi2"},
                                                                          {"--no-fsgsbase"}};

/// One event of the log, as a worker must find it.
struct LoggedEvent {
  u64 number = 0;
  EventKind kind{};
  Time time;
  Registers registers;
};

/// Live stands at the guest's first instruction; a snapshot has been taken there.
class RecordedGuest {
 public:
  explicit RecordedGuest(const std::string& name, std::vector<std::string> options = {}) {
    std::filesystem::create_directory(folder_.path() + "/files");
    options.emplace_back("--log-registers");
    const std::string program = std::string(FRED_GUESTS) + "/" + name;
    const UniqueFd nowhere{open("/dev/null", O_WRONLY | O_CLOEXEC)}, output{dup(STDOUT_FILENO)};
    dup2(nowhere.get(), STDOUT_FILENO);
    auto engine = start_engine({.mode = "record",
                                .dir = folder_.path(),
                                .options = std::move(options),
                                .program = program,
                                .args = {program}});
    dup2(output.get(), STDOUT_FILENO);
    REQUIRE(engine);
    live = Peer{engine->pid, UniqueFd{engine->control}};
    const auto started = receive_message(live.socket());
    REQUIRE(started);
    REQUIRE(started->kind == MessageKind::started);
    auto taken = live.snapshot();
    REQUIRE(taken);
    first = std::move(*taken);
  }
  RecordedGuest(const RecordedGuest&) = delete;
  RecordedGuest& operator=(const RecordedGuest&) = delete;
  ~RecordedGuest() {
    live.close();
    first.close();
  }

  /// Runs live to the guest's end, where it stays.
  void run_to_end() {
    const auto end = live.run_on();
    REQUIRE(end);
    REQUIRE(end->reason == static_cast<u64>(StopReason::guest_end));
    end_ = end->time;
  }
  Time end() const { return end_; }

  Peer worker() {
    auto w = first.worker();
    REQUIRE(w);
    return std::move(*w);
  }
  /// One that stands there and waits for these.
  Peer worker_at(const Time& at, const std::vector<Condition>& conditions) {
    auto w = worker();
    REQUIRE(w.run_to(at));
    REQUIRE(w.set_conditions(conditions));
    return w;
  }

  std::vector<LoggedEvent> events() const {
    LogReader log;
    REQUIRE(log.open(log_path(folder_.path())));
    std::vector<LoggedEvent> all;
    while (const auto* next = log.next()) {
      LoggedEvent e{.number = all.size(), .kind = next->kind, .time = next->time(), .registers = {}};
      LogReader::Item item;
      REQUIRE(log.item(item));
      REQUIRE(item.kind == ItemKind::registers);
      std::memcpy(&e.registers, item.bytes.data(), sizeof e.registers);
      e.registers.gs_base = 0;  // what the log says of it
      all.push_back(e);
    }
    return all;
  }

  /// A worker in a fresh engine, from what Peer::save() wrote to `state`.
  Peer rebuilt(const std::string& state) {
    auto engine = start_engine({.mode = "rebuild",
                                .dir = folder_.path(),
                                .options = {"--log-registers", "--state=" + state},
                                .program = "guest",
                                .args = {"guest"}});
    REQUIRE(engine);
    return Peer{engine->pid, UniqueFd{engine->control}};
  }
  std::string folder() const { return folder_.path(); }

  Peer live, first;

 private:
  test::TemporaryFolder folder_;
  Time end_;
};

inline Registers registers_of(Peer& peer) {
  const auto r = peer.registers();
  REQUIRE(r);
  return *r;
}

/// The whole state that is cheap to ask for: registers, vector state, the top of the stack.
struct State {
  Time time;
  Registers registers;
  std::vector<u8> vector, stack;
  bool operator==(const State&) const = default;
};
inline State state_of(Peer& peer) {
  const auto now = peer.now();
  REQUIRE(now);
  const auto registers = registers_of(peer);
  const auto vector = peer.vector_state();
  const auto stack = peer.memory(GuestAddr{registers.gpr[rsp]}, 512);
  REQUIRE(vector);
  REQUIRE(stack);
  return {now->time, registers, *vector, *stack};
}

/// Where two states differ, in words; empty if nowhere.
inline std::string difference(const State& a, const State& b) {
  std::string text;
  if (a.time != b.time) text += " time";
  const auto *x = reinterpret_cast<const u64*>(&a.registers), *y = reinterpret_cast<const u64*>(&b.registers);
  for (std::size_t i = 0; i < sizeof(Registers) / 8; ++i) {
    if (x[i] != y[i]) text += fmt::format(" register {}: {:#x} {:#x};", i, x[i], y[i]);
  }
  const auto bytes = [&](const char* what, const std::vector<u8>& p, const std::vector<u8>& q) {
    if (p.size() != q.size()) text += fmt::format(" {}: {} and {} bytes;", what, p.size(), q.size());
    for (std::size_t i = 0; i < std::min(p.size(), q.size()); ++i) {
      if (p[i] != q[i]) text += fmt::format(" {}[{}]: {:#x} {:#x};", what, i, p[i], q[i]);
    }
  };
  bytes("vector", a.vector, b.vector);
  bytes("stack", a.stack, b.stack);
  return text;
}

inline std::string text_of(const Time& t) {
  return std::to_string(t.ticks) + ":" + std::to_string(t.pc.value) + "+" + std::to_string(t.rest) + "/" +
         std::to_string(t.phase);
}

}  // namespace fred
