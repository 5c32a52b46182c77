#include "tests/sessions/fake/session.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "core/base/number.h"

namespace fred::test {

Result<> FakeSession::allow(LifeCycle command, std::string_view, GdbQuestions&) {
  if (command == LifeCycle::attach) return fail("attach is not there yet");
  return {};
}

std::optional<Where> FakeSession::where() { return Where{at(0), at(target_.position()), at(target_.tip())}; }

std::string FakeSession::print(const Time& time) const { return fmt::format("{}:{:#x}", time.ticks, time.pc.value); }

Result<Time> FakeSession::find(std::string_view text) {
  if (text == "start") return at(0);
  if (text == "end") return at(target_.tip());
  for (const auto& m : marks_) {
    if (!m.name.empty() && m.name == text) return m.time;
  }
  std::optional<u64> step;
  if (text.ends_with('%')) {
    if (const auto n = whole_number<u64>(text.substr(0, text.size() - 1))) step = target_.tip() * *n / 100;
  } else if (text.starts_with('-')) {
    if (const auto n = whole_number<u64>(text.substr(1)); n && *n <= target_.position()) step = target_.position() - *n;
  } else {
    step = whole_number<u64>(text.substr(0, text.find(':')));
  }
  if (!step || *step > target_.tip()) return fail(fmt::format("'{}' is not in history", text));
  return at(*step);
}

Result<Landing> FakeSession::go_to(const Time& time, Progress&) { return Landing{time, ""}; }

Result<BackStep> FakeSession::step_back(const StepRequest& request, GdbQuestions&, Progress&) {
  if (request.kind != StepRequest::Kind::stepi) return BackStep{};
  if (request.count > target_.position()) {
    return BackStep{.landing = Landing{.time = at(0), .note = "No more reverse-execution history."}};
  }
  return BackStep{.landing = Landing{.time = at(target_.position() - request.count), .note = ""}};
}

Result<std::string> FakeSession::value_at(u64 step, std::string_view expression, GdbQuestions& gdb) {
  target_.move(step);
  gdb.moved();
  return gdb.evaluate(expression);
}

/// By bisection, to the instruction.
Result<Change> FakeSession::find_change(const ChangeRequest& request, GdbQuestions& gdb, Progress& progress) {
  const u64 here = target_.position();
  Change change;
  if (request.expression == "never") {
    // As a search that takes its time.
    while (progress.go_on(0.5, "1 probe")) {
      pollfd interrupted{progress.interrupted_descriptor(), POLLIN, 0};
      poll(&interrupted, 1, 1000);
    }
    return fail("interrupted");
  }
  const auto after = value_at(here, request.expression, gdb);
  if (!after) return std::unexpected(after.error());
  u64 low = 0, high = here;
  auto before = value_at(low, request.expression, gdb);
  if (before && *before == *after) {
    target_.move(here);
    return fail(request.expression + " is the same at the start of history");
  }
  change.probes = 2;
  while (high - low > 1) {
    const u64 middle = low + (high - low) / 2;
    auto value = value_at(middle, request.expression, gdb);
    ++change.probes;
    if (value && *value == *after) {
      high = middle;
    } else {
      low = middle;
      before = std::move(value);
    }
  }
  target_.move(low);
  gdb.moved();
  const auto frames = gdb.frames(1);
  if (!frames) return std::unexpected(frames.error());
  const auto& frame = frames->front();
  change.place = fmt::format("{}:{} in {}", frame.file, frame.line, frame.function);
  // The statement begins at its line's first instruction.
  const auto line = gdb.line_at(frame.pc);
  while (line && *line && low > 0 && (*line)->range.contains(GuestAddr{trace_.registers(low - 1).rip})) --low;
  target_.move(here);
  change.before = before.value_or("no value");
  change.after = *after;
  change.landing.time = at(low);
  return change;
}

Result<Landing> FakeSession::undo(u64 count, Progress&) {
  if (count == 0 || count > before_moves_.size()) return fail("There is nothing to undo.");
  return Landing{at(before_moves_[before_moves_.size() - count]), ""};
}
Result<Landing> FakeSession::back(u64 count, Progress& progress) { return undo(count, progress); }
Result<Landing> FakeSession::forward(u64, Progress&) { return fail("There is no place further forward."); }

Result<Mark> FakeSession::add_mark(Mark::Kind kind, std::string_view name, std::string_view place) {
  const auto number = marks(kind).size() + 1;
  marks_.push_back({kind, number, std::string(name), at(target_.position()), std::string(place)});
  return marks_.back();
}

Result<> FakeSession::remove_mark(Mark::Kind kind, u64 number) {
  const auto found = std::ranges::find_if(marks_, [&](const Mark& m) { return m.kind == kind && m.number == number; });
  if (found == marks_.end()) return fail(fmt::format("No number {}.", number));
  marks_.erase(found);
  return {};
}

std::vector<Mark> FakeSession::marks(Mark::Kind kind) {
  std::vector<Mark> found;
  std::ranges::copy_if(marks_, std::back_inserter(found), [kind](const Mark& m) { return m.kind == kind; });
  return found;
}

void FakeSession::note(const CommandDone& command) {
  nlohmann::json line{{"command", command.text}};
  if (command.after) line["time"] = command.after->ticks;
  history_.push_back(line.dump());
  if (command.before && command.before != command.after) before_moves_.push_back(command.before->ticks);
}

Result<SavedCommand> FakeSession::parse_history_line(std::string_view line) const {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("command")) return fail("not a line of a history");
  SavedCommand saved{json["command"], std::nullopt};
  if (json.contains("time")) saved.after = at(json["time"]);
  return saved;
}

}  // namespace fred::test
