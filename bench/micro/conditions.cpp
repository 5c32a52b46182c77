// What conditions cost while a worker re-executes: build/bin/fred-bench-conditions PROGRAM[=ARGUMENT]…, by hand. Prints
// for each program the time of plain re-execution, with a watch that nothing touches, with each register watched, and
// how fast single instructions are traced; and for tests/guests/time/hot (=10000000) what ten million hits of a break
// and of a watch add.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <filesystem>

#include "cli/engine_process.h"
#include "core/control/peer.h"
#include "core/dispatch/run_control.h"
#include "core/trace/log_file.h"
#include "core/tree/recorded_tree.h"

namespace fred {
namespace {

template <class T>
T must(Result<T> result) {
  if (result) {
    if constexpr (std::is_void_v<T>) {
      return;
    } else {
      return std::move(*result);
    }
  }
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

class Recording {
 public:
  Recording(const std::string& program, std::vector<std::string> args) {
    char folder[] = "/tmp/fred-bench-XXXXXX";
    folder_ = mkdtemp(folder);
    std::filesystem::create_directory(folder_ / "files");
    const int nowhere = open("/dev/null", O_WRONLY), output = dup(STDOUT_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    auto engine = must(start_engine({.mode = "record",
                                     .dir = folder_,
                                     .options = {"--log-registers"},
                                     .program = program,
                                     .args = std::move(args)}));
    dup2(output, STDOUT_FILENO);
    live_ = Peer{engine.pid, UniqueFd{engine.control}};
    must(receive_message(live_.socket()));
    first_ = must(live_.snapshot());
    end_ = must(live_.run_on()).time;
  }
  ~Recording() { std::filesystem::remove_all(folder_); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  Peer worker() { return must(first_.worker()); }
  Time end() const { return end_; }
  /// Registers at the guest's write to descriptor 1000.
  Registers marker() const {
    LogReader log;
    if (!log.open(log_path(folder_))) return {};
    while (log.next() != nullptr) {
      LogReader::Item item;
      Registers r{};
      if (log.item(item) && item.bytes.size() == sizeof r) std::memcpy(&r, item.bytes.data(), sizeof r);
      if (r.gpr[rax] == 1 && r.gpr[rdi] == 1000) return r;
    }
    return {};
  }

 private:
  std::filesystem::path folder_;
  Peer live_, first_;
  Time end_;
};

/// Processor time of the worker that does the work: the machine may have others to do.
template <class Work>
double seconds(const Peer& worker, Work&& work) {
  clockid_t clock;
  clock_getcpuclockid(worker.pid(), &clock);
  const auto now = [&] {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
  };
  const double begin = now();
  work();
  return now() - begin;
}

Condition watch(u64 at, WatchCondition::Access access = WatchCondition::Access::write) {
  return {.id = ConditionId{1},
          .what = WatchCondition{.range = guest_range(GuestAddr{at}, 8), .access = access},
          .thread = {}};
}

/// Of the best of three workers.
double collecting(Recording& recording, const std::vector<Condition>& conditions, u64* hits = nullptr) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    auto worker = recording.worker();
    must(worker.set_conditions(conditions));
    std::vector<Note> notes;
    best = std::min(best, seconds(worker, [&] { notes = must(worker.collect(recording.end())); }));
    if (hits != nullptr && !notes.empty()) *hits = notes[0].count;
  }
  return best;
}

void measure(const std::string& what) {
  const auto program = what.substr(0, what.find('='));
  std::vector<std::string> args{program};
  if (program != what) args.push_back(what.substr(program.size() + 1));
  Recording recording(program, std::move(args));
  auto worker = recording.worker();
  const auto registers = must(worker.registers());
  const u64 untouched = registers.gpr[rsp] + 1000;  // among the strings of the environment
  const double plain = collecting(recording, {});
  const double stores = collecting(recording, {watch(untouched)});
  const double loads = collecting(recording, {watch(untouched, WatchCondition::Access::access)});
  must(worker.run_to({.ticks = recording.end().ticks / 2, .pc = {}}));
  const u64 ticks = std::min<u64>(recording.end().ticks / 4, 100000);
  std::vector<TracePoint> points;
  const double traced = seconds(
      worker, [&] { points = must(worker.trace({.ticks = recording.end().ticks / 2 + ticks, .pc = {}}, 10000000)); });
  fmt::print("{}: plain {:.3f} s; a watch nearby nothing: writes x{:.2f}, accesses x{:.2f}; traced {:.2f} M/s\n",
             std::filesystem::path(program).filename().string(), plain, stores / plain, loads / plain,
             static_cast<double>(points.size()) / traced / 1e6);
  fmt::print("  watched registers:");
  for (const u8 r : {rax, rbx, rsp, r12, r15}) {
    u64 hits = 0;
    const Condition changes{.id = ConditionId{1}, .what = RegisterCondition{static_cast<Gpr>(r)}, .thread = {}};
    const double took = collecting(recording, {changes}, &hits);
    constexpr const char* names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    fmt::print(" {} ({} changes) x{:.1f}", names[r], hits, took / plain);
  }
  fmt::print("\n");
  const auto marker = recording.marker();
  if (marker.gpr[rax] == 0) return;
  const Condition at_function{.id = ConditionId{1},
                              .what = BreakCondition{.pc = GuestAddr{marker.gpr[r10]}, .stack_pointer = {}},
                              .thread = {}};
  auto elsewhere = at_function;
  std::get<BreakCondition>(elsewhere.what).stack_pointer = 1;
  const auto added = [&](const char* name, const Condition& condition) {
    u64 hits = 0;
    const double took = collecting(recording, {condition}, &hits);
    fmt::print("  {}: {} hits add {:.3f} s\n", name, hits, took - plain);
  };
  added("break", at_function);
  added("break with another stack pointer", elsewhere);
  added("watch", watch(marker.gpr[rsi]));
  added("access watch", watch(marker.gpr[rsi], WatchCondition::Access::access));
}

}  // namespace
}  // namespace fred

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  for (int i = 1; i < argc; ++i) fred::measure(argv[i]);
}
