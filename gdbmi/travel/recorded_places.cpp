// Places of a recorded session: undo, back and forward, marks, the log of commands.
#include <fmt/format.h>

#include <algorithm>

#include "gdbmi/travel/operation.h"

namespace fred {

Result<Landing> RecordedSession::undo(u64 count, Progress& progress) {
  const auto undone = undo_.undo(count);
  if (!undone) return std::unexpected(undone.error());
  undoing_ = true;
  {
    Operation operation(*this, progress);
    const auto taken_back = session_.take_back_changes(undone->time);
    if (!taken_back) return operation.undo(taken_back.error());
    if (*taken_back) {
      landed_.reset();
      return Landing{.time = session_.position(), .note = ""};
    }
  }
  return go_to(undone->time, progress);
}

Result<Landing> RecordedSession::back(u64 count, Progress& progress) {
  const auto time = places_.back(count);
  if (!time) return std::unexpected(time.error());
  return go_to(*time, progress);
}

Result<Landing> RecordedSession::forward(u64 count, Progress& progress) {
  const auto time = places_.forward(count);
  if (!time) return std::unexpected(time.error());
  return go_to(*time, progress);
}

Result<Mark> RecordedSession::add_mark(Mark::Kind kind, std::string_view name, std::string_view place) {
  const auto at = where();
  if (!at) return fail("The program is not being run.");
  if (!name.empty()) {
    Bookmarks rules;  // names that could be times are refused
    if (auto good = rules.set(std::string(name), at->now); !good) return std::unexpected(good.error());
    std::erase_if(marks_, [&](const Mark& m) { return m.kind == kind && m.name == name; });
  }
  auto& next = next_mark_[static_cast<std::size_t>(kind)];
  marks_.push_back({kind, next++, std::string(name), at->now, std::string(place)});
  return marks_.back();
}

Result<> RecordedSession::remove_mark(Mark::Kind kind, u64 number) {
  if (std::erase_if(marks_, [&](const Mark& m) { return m.kind == kind && m.number == number; }) == 0) {
    return fail(fmt::format("No {} number {}.", kind == Mark::Kind::checkpoint ? "checkpoint" : "bookmark", number));
  }
  return {};
}

std::vector<Mark> RecordedSession::marks(Mark::Kind kind) {
  std::vector<Mark> all;
  std::ranges::copy_if(marks_, std::back_inserter(all), [kind](const Mark& m) { return m.kind == kind; });
  return all;
}

void RecordedSession::note(const CommandDone& done) {
  CommandDone command = done;
  // A Time of the history before: one cannot go back to it.
  if (std::exchange(began_history_, false)) command.before.reset();
  log_.add({.command = command.text, .from = command.before, .to = command.after, .end = ""});
  const bool undone = std::exchange(undoing_, false);
  had_threads_ = had_threads_ || target_.threads().size() > 1;
  if (!command.after || command.before == command.after) return;
  if (command.before) {
    places_.visit(*command.before);
    if (!undone) undo_.moved(*command.before, command.text);
  }
  places_.visit(*command.after);
  constexpr std::size_t most_stops = 100;
  const auto stops = marks(Mark::Kind::stop);
  if (std::ranges::find(stops, *command.after, &Mark::time) == stops.end()) {
    if (stops.size() >= most_stops) (void)remove_mark(Mark::Kind::stop, stops.front().number);
    (void)add_mark(Mark::Kind::stop, "", "");
  }
}

std::vector<std::string> RecordedSession::history() {
  std::vector<std::string> lines;
  const auto text = log_.text();
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

Result<SavedCommand> RecordedSession::parse_history_line(std::string_view line) const {
  const auto command = CommandLog::parse_line(line);
  if (!command) return std::unexpected(command.error());
  return SavedCommand{command->command, command->to};
}

std::vector<ProcessInfo> RecordedSession::processes() {
  std::vector<ProcessInfo> all;
  if (!session_.has_program()) return all;
  const auto& end = session_.end();
  const auto first = !end ? "is debugged" : end->gone ? "was killed" : "stands before its end";
  all.push_back({.number = 1, .pid = session_.pid(), .current = true, .program = session_.comm(), .state = first});
  for (const auto* p : session_.children()) {
    if (!p->begun) continue;
    std::string state = p->unrecorded ? "goes on without being recorded" : p->gone ? "was killed" : "runs";
    if (p->end) state = fmt::format("{} {}", p->end->by_signal ? "died of signal" : "exited with", p->end->status);
    all.push_back({.number = p->place.number,
                   .parent = p->place.parent,
                   .pid = p->place.pid,
                   .program = p->program(),
                   .state = std::move(state)});
  }
  return all;
}

std::vector<SnapshotInfo> RecordedSession::snapshots() {
  std::vector<SnapshotInfo> all;
  const auto costs = session_.snapshot_costs();
  for (const auto& time : session_.snapshots()) all.push_back({.time = time, .bytes = costs.bytes[all.size()]});
  return all;
}

}  // namespace fred
