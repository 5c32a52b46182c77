#include "gdbmi/rsp/monitor.h"

#include <fmt/format.h>

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
  return fmt::format("begin      {}\nposition   {}\ntip        {}\nsnapshots  {}\n", print_time(session.begin()),
                     print_time(session.position()), print_time(session.tip()), session.snapshots().size());
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
