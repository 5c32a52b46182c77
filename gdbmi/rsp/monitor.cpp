#include "gdbmi/rsp/monitor.h"

#include <fmt/format.h>

#include <chrono>
#include <numeric>

#include "reverse/timeline/time_text.h"

namespace fred::remote {

namespace {

std::string help(Session&);

std::string when(Session& session) {
  if (!session.has_program()) return "no program is being debugged\n";
  return print_time(session.position()) + "\n";
}

std::string stats(Session& session) {
  if (!session.has_program()) return "no program is being debugged\n";
  const auto costs = session.snapshot_costs();
  const std::chrono::duration<double> taking = costs.taking, running = costs.program_time;
  const double mib = static_cast<double>(std::accumulate(costs.bytes.begin(), costs.bytes.end(), u64{0})) / (1 << 20);
  return fmt::format(
      "begin      {}\nposition   {}\ntip        {}\nsnapshots  {}, holding {:.1f} MiB, taken in {:.3f} s of {:.3f} s "
      "({:.1f}%)\n",
      print_time(session.begin()), print_time(session.position()), print_time(session.tip()), costs.bytes.size(), mib,
      taking.count(), running.count(), running.count() > 0 ? 100 * taking / running : 0);
}

struct Command {
  std::string_view name, help;
  std::string (*answer)(Session&);
};
constexpr Command commands[] = {
    {"help", "this list", help},
    {"when", "the Time of the position: ticks and pc", when},
    {"stats", "where history begins and ends, and how many snapshots there are", stats},
};

std::string help(Session&) {
  std::string text;
  for (const auto& c : commands) text += fmt::format("{:8} {}\n", c.name, c.help);
  return text;
}

}  // namespace

std::string answer_monitor(Session& session, std::string_view command) {
  for (const auto& c : commands) {
    if (c.name == command) return c.answer(session);
  }
  return fmt::format("no monitor command '{}'; there are:\n{}", command, help(session));
}

}  // namespace fred::remote
