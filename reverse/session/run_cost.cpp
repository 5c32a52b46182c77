#include "reverse/session/run_cost.h"

#include <fmt/format.h>

#include <ctime>
#include <fstream>
#include <sstream>

namespace fred {

namespace {
/// Minor faults: field 10 of /proc/PID/stat, the eighth behind the name in parentheses (proc(5)).
u64 minor_faults(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(in, line)) return 0;
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < 7; ++i) fields >> skipped;
  u64 faults = 0;
  fields >> faults;
  return faults;
}
}  // namespace

u64 own_memory(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/smaps_rollup", pid));
  u64 bytes = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name;
    u64 kib = 0;
    if (fields >> name >> kib && name.starts_with("Private_")) bytes += kib * 1024;
  }
  return bytes;
}

RunCost run_cost(pid_t pid) {
  RunCost cost{.processor_time = {}, .faults = minor_faults(pid)};
  clockid_t clock{};
  timespec t{};
  if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0) {
    cost.processor_time = std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
  }
  return cost;
}

}  // namespace fred
