// fred-fuzz: executes random instruction sequences natively and translated, in one process, and compares
// registers, flags, vector state, memory, and the fault with which each ends.
//
// Cases come in groups: a group has its own process, places of its regions and translator options. Case N of
// a seed is the same in every run on a machine: `fred-fuzz --seed S --first N --cases 1` repeats it.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstring>

#include "core/base/check.h"
#include "tests/fuzz/bench.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/random.h"

namespace fred::fuzz {
namespace {

constexpr u64 group_size = 500;
constexpr u64 shown_failures = 5;

struct Options {
  u64 cases = 20000, seed = 1, first = 0;
  double minutes = 0;
  std::string cpu = "x86-64-v3";
  u32 jobs = 1;
  bool print = false;
};

/// What a group's process tells, in shared memory: it may die.
struct Progress {
  u64 current, executed, failed, strayed, too_long, not_deterministic;
};

void report_failure(Bench& bench, const Setting& setting, const Case& c, u64 seed, u64 number, const Options& o,
                    const std::string& report) {
  const auto small = bench.smaller(c, seed);
  std::string small_report;
  bench.run(small, seed, small_report);
  fmt::print("fred-fuzz: case {} differs (repeat: fred-fuzz --seed {} --first {} --cases 1 --cpu={})\n  {}\n{}\n{}",
             number, o.seed, number, o.cpu, setting.text, report, describe(c, setting.places));
  fmt::print("  made smaller:\n{}{}\n", small_report, describe(small, setting.places));
  std::fflush(stdout);
}

void run_group(const Options& o, u64 begin, u64 end, Progress& progress) {
  const auto setting = make_setting(mix(o.seed) + begin / group_size);
  const Features features(o.cpu == "native");
  Bench bench(setting);
  for (u64 n = begin; n < end; ++n) {
    progress.current = n;
    const u64 seed = mix(mix(o.seed) ^ n);
    const auto c = make_case(seed, features, setting.places, bench.vector_template(), bench.vector_mask());
    if (o.print) fmt::print("case {}: {}{}\n", n, setting.text, describe(c, setting.places)), std::fflush(stdout);
    std::string report;
    switch (bench.run(c, seed, report)) {
      case Bench::Verdict::same:
        break;
      case Bench::Verdict::different:
        ++progress.failed;
        if (progress.failed <= shown_failures) report_failure(bench, setting, c, seed, n, o, report);
        break;
      case Bench::Verdict::strayed:
        ++progress.strayed;
        break;
      case Bench::Verdict::too_long:
        ++progress.too_long;
        break;
      case Bench::Verdict::not_deterministic:
        ++progress.not_deterministic;
        break;
    }
    ++progress.executed;
  }
}

struct Group {
  pid_t pid = -1;
  u64 begin = 0;
  Progress* progress = nullptr;
};

/// Waits for one of the processes; false if none is left.
bool finish_one(std::vector<Group>& running, Progress& total, const Options& o) {
  int status = 0;
  const pid_t pid = waitpid(-1, &status, 0);
  if (pid < 0) return false;
  const auto g = std::find_if(running.begin(), running.end(), [pid](const Group& x) { return x.pid == pid; });
  FRED_CHECK(g != running.end(), "a process that nobody started");
  auto& p = *g->progress;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    ++p.failed;
    ++p.executed;
    fmt::print(
        "fred-fuzz: case {}: its process ended with {} {} (repeat: fred-fuzz --seed {} --first {} --cases 1 "
        "--cpu={})\n",
        p.current, WIFSIGNALED(status) ? "signal" : "status",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), o.seed, p.current, o.cpu);
  }
  total.executed += p.executed;
  total.failed += p.failed;
  total.strayed += p.strayed;
  total.too_long += p.too_long;
  total.not_deterministic += p.not_deterministic;
  munmap(g->progress, page_size);
  running.erase(g);
  return true;
}

int run(const Options& o) {
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  Progress total{};
  std::vector<Group> running;
  const u64 last = o.minutes > 0 ? ~u64{0} : o.first + o.cases;
  for (u64 n = o.first; n < last && total.failed < shown_failures;) {
    if (o.minutes > 0 && seconds() > o.minutes * 60) break;
    const u64 end = std::min(last, (n / group_size + 1) * group_size);
    void* shared = mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FRED_CHECK(shared != MAP_FAILED, "no shared memory");
    Group g{.pid = -1, .begin = n, .progress = static_cast<Progress*>(shared)};
    std::fflush(stdout);
    g.pid = fork();
    FRED_CHECK(g.pid >= 0, "cannot fork");
    if (g.pid == 0) {
      run_group(o, n, end, *g.progress);
      std::fflush(stdout);
      _exit(0);
    }
    running.push_back(g);
    n = end;
    if (running.size() >= o.jobs) finish_one(running, total, o);
  }
  while (finish_one(running, total, o)) {
  }
  fmt::print("fred-fuzz: seed {}, {} cases, {:.1f} s; {} differ, {} strayed, {} took too long, {} vary natively\n",
             o.seed, total.executed, seconds(), total.failed, total.strayed, total.too_long, total.not_deterministic);
  fmt::print("{} passed, {} failed, 0 skipped\n", total.failed == 0 ? 1 : 0, total.failed == 0 ? 0 : 1);
  return total.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace fred::fuzz

int main(int argc, char** argv) {
  CLI::App app{"fred-fuzz: random instruction sequences, natively and translated"};
  fred::fuzz::Options o;
  app.add_option("--cases", o.cases, "how many");
  app.add_option("--seed", o.seed, "what they are made from");
  app.add_option("--first", o.first, "the number of the first one");
  app.add_option("--minutes", o.minutes, "instead of a number: as many as there is time for");
  app.add_option("--cpu", o.cpu, "x86-64-v3 (default) or native: with AVX-512 where there is")
      ->check(CLI::IsMember({"x86-64-v3", "native"}));
  app.add_option("--jobs", o.jobs, "processes at a time")->check(CLI::PositiveNumber);
  app.add_flag("--print", o.print, "print every case before it is executed");
  CLI11_PARSE(app, argc, argv);
  return fred::fuzz::run(o);
}
