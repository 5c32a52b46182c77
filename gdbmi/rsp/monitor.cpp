#include "gdbmi/rsp/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "gdbmi/rsp/session_target.h"
#include "reverse/timeline/time_text.h"

namespace fred::remote {

namespace {

std::string help(const Monitored&, std::string_view);

std::string when(const Monitored& monitored, std::string_view) {
  const auto& session = monitored.session;
  if (!session.has_program()) return "no program is being debugged\n";
  return print_time(session.position()) + "\n";
}

std::string stats(const Monitored& monitored, std::string_view) {
  auto& session = monitored.session;
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

std::string catch_backwards(const Monitored& monitored, std::string_view words) {
  std::vector<ProcessCondition::Event> events;
  while (!words.empty()) {
    const auto word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    const auto known = std::ranges::find(process_event_names, word);
    if (known == process_event_names.end()) return fmt::format("'{}' is not fork, vfork or exec\n", word);
    events.push_back(static_cast<ProcessCondition::Event>(known - process_event_names.begin()));
  }
  monitored.catch_backwards(std::move(events));
  return "";
}

struct Command {
  std::string_view name, help;
  std::string (*answer)(const Monitored&, std::string_view words);
};
constexpr Command commands[] = {
    {"help", "this list", help},
    {"when", "the Time of the position: ticks and pc", when},
    {"catch", "fork, vfork, exec: which stop reverse-continue; without any: none", catch_backwards},
    {"stats", "where history begins and ends, and how many snapshots there are", stats},
};

std::string help(const Monitored&, std::string_view) {
  std::string text;
  for (const auto& c : commands) text += fmt::format("{:8} {}\n", c.name, c.help);
  return text;
}

}  // namespace

std::string answer_monitor(const Monitored& monitored, std::string_view command) {
  const auto name = command.substr(0, command.find(' '));
  const auto words = command.substr(std::min(command.size(), name.size() + 1));
  for (const auto& c : commands) {
    if (c.name == name) return c.answer(monitored, words);
  }
  return fmt::format("no monitor command '{}'; there are:\n{}", command, help(monitored, {}));
}

}  // namespace fred::remote
