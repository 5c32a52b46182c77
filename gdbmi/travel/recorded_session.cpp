#include "gdbmi/travel/recorded_session.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>

#include "answers_py.h"
#include "commands_py.h"
#include "gdbmi/travel/operation.h"

namespace fred {

RecordedSession::RecordedSession(asio::io_context& io, SessionOptions options, Launch surroundings)
    : io_(io),
      session_(io, std::move(options)),
      target_(session_, std::move(surroundings)),
      server_(io, target_, [] {}),
      helper_(io, *this, [this](std::string path) { target_.use_terminal(std::move(path)); }),
      symbols_(session_, [this] { target_.moved(); }) {
  timeline_.emplace(session_, symbols_);
  target_.on_requests(
      {.take = [this](std::string_view request, Helper::Reply reply) { helper_.take(request, std::move(reply)); },
       .hung_up = [this] { helper_.hung_up(); }});
  target_.on_started([this] { begin_history(); });
  target_.on_live([this](bool runs) {
    if (terminal_ == nullptr || target_.has_own_terminal()) return;
    if (runs) {
      terminal_->lend(session_.pid());
    } else {
      terminal_->take_back();
    }
  });
}

void RecordedSession::begin_history() {
  symbols_.forget();
  timeline_.emplace(session_, symbols_);
  places_ = {};
  undo_ = {};
  marks_.clear();
  next_mark_ = {1, 1, 1};
  shown_.reset();
  landed_.reset();
  jumping_ = undoing_ = false;
}

std::string RecordedSession::python_helper() {
  return fmt::format("{}\n_fred_rows = {}\n{}", answers_py, python_string(Helper::rows()), commands_py);
}

std::vector<std::string> RecordedSession::gdb_commands() {
  if (auto listening = server_.listen(); !listening) return {"echo " + listening.error().message + "\\n"};
  const auto helper = server_.folder() + "/fred.py";
  std::ofstream(helper) << python_helper();
  return {"set sysroot /", "set breakpoint always-inserted on", "source " + helper,
          "target extended-remote " + server_.socket()};
}

void RecordedSession::use_terminal(ProgramTerminal& terminal) {
  terminal_ = &terminal;
  target_.own_group(true);
}

Result<> RecordedSession::allow(LifeCycle command, std::string_view, GdbQuestions& gdb) {
  if (command == LifeCycle::attach) return fail("fred cannot attach: a program's history begins at its start.");
  if (command != LifeCycle::run && command != LifeCycle::start) return {};
  // gdb has the target say that there is none, and then advises a setting of remote targets.
  const auto answer = ask_python(gdb, "program()");
  if (answer && answer->value("name", "?").empty()) {
    return fail("No executable file specified.\nUse the \"file\" or \"exec-file\" command.");
  }
  return {};
}

void RecordedSession::next_stop(const Time& time) {
  std::vector<Hit> hits;
  if (landed_ && landed_->time == time) hits = landed_->hits;
  target_.jump_next(time, std::move(hits));
  jumping_ = true;
}

std::optional<Where> RecordedSession::where() {
  if (!session_.has_program() || session_.live_is_running()) return std::nullopt;
  if (jumping_ && !target_.jump_waits()) {
    jumping_ = false;
    shown_.reset();
  }
  return Where{.begin = session_.begin(), .now = shown_.value_or(session_.position()), .tip = session_.tip()};
}

Result<Time> RecordedSession::find(std::string_view text) {
  for (const auto& mark : marks_) {
    if (mark.kind == Mark::Kind::bookmark && mark.name == text) return mark.time;
  }
  const auto meant = parse_time_text(text);
  if (!meant) return std::unexpected(meant.error());
  return timeline_->resolve(*meant);
}

Result<Landing> RecordedSession::go_to(const Time& time, Progress& progress) {
  Operation operation(*this, progress);
  if (auto there = session_.go_to(time); !there) return operation.undo(there.error());
  landed_.reset();
  return Landing{.time = time, .note = ""};
}

Result<std::optional<RecordedSession::UserPoints>> RecordedSession::points(GdbQuestions& gdb) {
  const auto answer = ask_python(gdb, "breakpoints()");
  if (!answer) return std::unexpected(answer.error());
  if (!answer->value("simple", false)) return std::nullopt;
  UserPoints all;
  for (auto& c : target_.conditions()) {
    const auto* const at = std::get_if<BreakCondition>(&c.what);
    bool certain = at == nullptr;
    std::vector<i64> numbers;
    if (at != nullptr) {
      // What gdb has inserted for itself (libraries, longjmp) stops nobody.
      for (const auto& a : (*answer)["addresses"]) certain = certain || a.get<u64>() == at->pc.value;
      for (const auto& b : (*answer)["conditional"]) {
        if (b.value("address", u64{0}) == at->pc.value) numbers.push_back(b.value("number", i64{0}));
      }
    }
    if (certain) {
      all.certain.push_back(std::move(c));
    } else if (!numbers.empty()) {
      all.conditional.push_back({std::move(c), std::move(numbers)});
    }
  }
  return all;
}

Result<Stop> RecordedSession::stop_on_the_way(Stop stop, const UserPoints& points, GdbQuestions& gdb,
                                              Operation& operation) {
  std::vector<Condition> conditions;
  for (const auto& c : points.conditional) conditions.push_back(c.at);
  u64 looked_at = 0;
  for (Time before = operation.from();;) {
    auto hits = timeline_->search().last(stop.time, before, conditions, true, operation.token());
    if (!hits) return std::unexpected(hits.error());
    if (hits->empty()) break;
    before = hits->front().at;
    nlohmann::json numbers = nlohmann::json::array();
    for (const auto& c : points.conditional) {
      if (std::ranges::find(*hits, c.at.id, &Hit::id) == hits->end()) continue;
      for (const i64 n : c.numbers) numbers.push_back(n);
    }
    if (auto there = session_.go_to(before); !there) return std::unexpected(there.error());
    if (auto recorded = session_.show_recorded(); !recorded) return std::unexpected(recorded.error());
    const auto answer = ask_python(gdb, fmt::format("holds({})", numbers.dump()));
    if (!answer) return std::unexpected(answer.error());
    operation.show(fmt::format("{} conditions", ++looked_at));
    if (!answer->value("holds", true)) continue;
    if (before == stop.time) std::ranges::move(stop.hits, std::back_inserter(*hits));
    stop = {TravelEnd::hit, before, std::move(*hits)};
    break;
  }
  if (auto there = session_.go_to(stop.time); !there) return std::unexpected(there.error());
  return stop;
}

Result<Landing> RecordedSession::landing_of(const Result<Stop>& stop) {
  if (!stop) return std::unexpected(stop.error());
  if (stop->end == TravelEnd::interrupted) return interrupted();
  landed_ = *stop;
  const bool begin = stop->end == TravelEnd::history_begin;
  return Landing{.time = stop->time, .note = begin ? "\nNo more reverse-execution history." : ""};
}

Result<Stop> RecordedSession::step(const StepRequest& request, const std::vector<Condition>& conditions, u64 level) {
  using enum StepRequest::Kind;
  switch (request.kind) {
    case step:
      return timeline_->step(Direction::backward, request.count, conditions);
    case next:
    case until:
      return timeline_->next(Direction::backward, request.count, conditions);
    case stepi:
      return timeline_->step_instruction(Direction::backward, request.count, conditions);
    case nexti:
      return timeline_->next_instruction(Direction::backward, request.count, conditions);
    case finish:
      break;
  }
  return timeline_->finish(Direction::backward, level, conditions);
}

Result<std::optional<Landing>> RecordedSession::step_back(const StepRequest& request, GdbQuestions& gdb,
                                                          Progress& progress) {
  if (!session_.has_program() || session_.is_changed_in_past()) return std::nullopt;
  // One `bs`, of which the target knows all, without a question.
  if (request.kind == StepRequest::Kind::stepi && request.count == 1) return std::nullopt;
  if (auto ready = symbols_.use(gdb); !ready) return std::nullopt;  // gdb without Python
  const auto users = points(gdb);
  if (!users) return std::unexpected(users.error());
  if (!*users) return std::nullopt;
  u64 level = 0;
  if (request.kind == StepRequest::Kind::finish) {
    const auto selected = gdb.selected_frame();
    if (!selected) return std::unexpected(selected.error());
    level = *selected;
  }
  Operation operation(*this, progress);
  auto stop = step(request, (*users)->certain, level);
  if (stop && stop->end != TravelEnd::interrupted && !(*users)->conditional.empty()) {
    stop = stop_on_the_way(std::move(*stop), **users, gdb, operation);
  }
  auto landing = landing_of(stop);
  if (!landing) return operation.undo(landing.error());
  return std::move(*landing);
}

}  // namespace fred
