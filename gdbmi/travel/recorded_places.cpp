// Places of a recorded session: undo, back and forward, marks, the log of commands.
#include <fmt/format.h>

#include <algorithm>

#include "gdbmi/travel/operation.h"

namespace fred {

Result<Landing> RecordedSession::undo(u64 count, Progress& progress) {
  const auto undone = history_->undo.undo(count);
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
  return browse(&VisitedPlaces::back, count, progress);
}

Result<Landing> RecordedSession::forward(u64 count, Progress& progress) {
  return browse(&VisitedPlaces::forward, count, progress);
}

Result<Landing> RecordedSession::browse(Result<Time> (VisitedPlaces::*to)(u64), u64 count, Progress& progress) {
  auto places = history_->places;
  if (const auto at = where()) places.visit(at->now);
  const auto time = (places.*to)(count);
  if (!time) return std::unexpected(time.error());
  auto landing = go_to(*time, progress);
  if (landing) {
    history_->places = std::move(places);
    browsed_ = true;
  }
  return landing;
}

Result<Mark> RecordedSession::add_mark(Mark::Kind kind, std::string_view name, std::string_view place) {
  const auto at = where();
  if (!at) return fail("The program is not being run.");
  if (!name.empty()) {
    Bookmarks rules;  // names that could be times are refused
    if (auto good = rules.set(std::string(name), at->now); !good) return std::unexpected(good.error());
    std::erase_if(history_->marks, [&](const Mark& m) { return m.kind == kind && m.name == name; });
  }
  auto& next = history_->next_mark[static_cast<std::size_t>(kind)];
  history_->marks.push_back({kind, next++, std::string(name), at->now, std::string(place)});
  return history_->marks.back();
}

Result<> RecordedSession::remove_mark(Mark::Kind kind, u64 number) {
  if (std::erase_if(history_->marks, [&](const Mark& m) { return m.kind == kind && m.number == number; }) == 0) {
    return fail(fmt::format("No {} number {}.", kind == Mark::Kind::checkpoint ? "checkpoint" : "bookmark", number));
  }
  return {};
}

std::vector<Mark> RecordedSession::marks(Mark::Kind kind) {
  std::vector<Mark> all;
  std::ranges::copy_if(history_->marks, std::back_inserter(all), [kind](const Mark& m) { return m.kind == kind; });
  return all;
}

void RecordedSession::note(const CommandDone& done) {
  target_.command_ends();
  CommandDone command = done;
  // A Time of the history before: one cannot go back to it.
  if (std::exchange(began_history_, false)) command.before.reset();
  log_.add({.command = command.text, .from = command.before, .to = command.after, .end = ""});
  const bool undone = std::exchange(undoing_, false), browsed = std::exchange(browsed_, false);
  had_threads_ = had_threads_ || target_.threads().size() > 1;
  if (!command.after || command.before == command.after) return;
  if (command.before) {
    if (!browsed) history_->places.visit(*command.before);
    if (!undone) history_->undo.moved(*command.before, command.text);
  }
  if (!browsed) history_->places.visit(*command.after);
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
  for (const auto* p : session_.processes()) {
    const u32 number = p->place.number;
    const bool current = number == session_.process_number();
    std::string state = p->unrecorded ? "goes on without being recorded" : p->gone ? "was killed" : "runs";
    if (p->held) state = "stands where it begins";
    if (session_.is_open(number) && !p->gone) state = current ? "is debugged" : "stands";
    if (current && !p->gone && session_.end()) state = "stands before its end";
    if (p->end) state = fmt::format("{} {}", p->end->by_signal ? "died of signal" : "exited with", p->end->status);
    all.push_back({.number = number,
                   .parent = p->place.parent,
                   .pid = p->place.pid,
                   .current = current,
                   .program = current ? session_.comm() : p->program(),
                   .state = std::move(state)});
  }
  return all;
}

/// With several inferiors gdb's user changes between them, of which the target hears when it is asked something.
Result<> RecordedSession::follow_gdb(GdbQuestions& gdb) {
  const auto all = session_.processes();
  if (std::ranges::count_if(all, [this](const auto* p) { return session_.is_open(p->place.number); }) < 2) return {};
  const auto answer = ask_python(gdb, "selected_process()");
  if (!answer) return std::unexpected(answer.error());
  const auto process = answer->value("process", i64{0});
  return process > 0 ? target_.select(process) : Result<>();
}

Result<std::vector<std::string>> RecordedSession::align_others() {
  const auto aligned = session_.align_others();
  if (aligned.empty()) return fail("No other process of the recording is being debugged (see process).");
  std::vector<std::string> lines;
  for (const auto& p : aligned) {
    lines.push_back(p.time ? fmt::format("Process {} at {}.", p.number, print(*p.time))
                           : fmt::format("Process {} cannot go there: {}", p.number, p.time.error().message));
  }
  target_.moved();
  return lines;
}

Result<> RecordedSession::catch_processes(GdbQuestions& gdb) {
  const auto answer = ask_python(gdb, "caught_processes()");
  if (!answer) return {};  // without Python
  std::vector<ProcessCondition::Event> events;
  for (const auto& kind : (*answer)["kinds"].get<std::vector<std::string>>()) {
    events.push_back(static_cast<ProcessCondition::Event>(std::ranges::find(remote::process_event_names, kind) -
                                                          remote::process_event_names.begin()));
  }
  target_.catch_backwards(std::move(events));
  return {};
}

Result<> RecordedSession::begin_run(GdbQuestions& gdb, bool finishes) {
  const auto answer = ask_python(gdb, fmt::format("begin_run({})", finishes ? "True" : "False"));
  if (!answer) return {};  // without Python
  std::vector<Gpr> registers;
  for (const auto& n : (*answer)["registers"]) registers.push_back(static_cast<Gpr>(n.get<u8>()));
  target_.begin_free_run(std::move(registers));
  return {};
}

Result<std::string> RecordedSession::open_process(u32 number) {
  for (const auto* p : session_.processes()) {
    if (p->place.number != number) continue;
    if (p->unrecorded) return fail(fmt::format("Process {} has gone on without being recorded.", number));
    if (!session_.is_open(number)) target_.attach_next(number);
    return fmt::format("python _Fred.open_process({}, {})", p->place.pid, python_string(p->program()));
  }
  return fail(fmt::format("There is no process {} (see info processes).", number));
}

std::vector<SnapshotInfo> RecordedSession::snapshots() {
  std::vector<SnapshotInfo> all;
  const auto costs = session_.snapshot_costs();
  for (const auto& time : session_.snapshots()) all.push_back({.time = time, .bytes = costs.bytes[all.size()]});
  return all;
}

}  // namespace fred
