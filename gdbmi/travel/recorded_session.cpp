#include "gdbmi/travel/recorded_session.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>

#include "answers_py.h"
#include "commands_py.h"
#include "conditions_py.h"
#include "gdbmi/travel/operation.h"
#include "registers_py.h"
#include "skips_py.h"
#include "values_py.h"

namespace fred {

RecordedSession::RecordedSession(asio::io_context& io, SessionOptions options, Launch surroundings)
    : io_(io),
      session_(io, std::move(options)),
      target_(session_, std::move(surroundings)),
      server_(io, target_, [] {}),
      helper_(io, *this, [this](std::string path) { target_.use_terminal(std::move(path)); }),
      symbols_(session_, [this] { target_.moved(); }) {
  select_history();
  target_.on_requests(
      {.take = [this](std::string_view request, Helper::Reply reply) { helper_.take(request, std::move(reply)); },
       .hung_up = [this] { helper_.hung_up(); }});
  target_.on_started([this] { begin_history(); });
  target_.on_selected([this] { select_history(); });
  target_.on_live([this](bool runs) {
    if (terminal_ == nullptr || target_.has_own_terminal() || session_.is_attached()) return;
    if (runs) {
      terminal_->lend(getpgid(session_.pid()));
    } else {
      terminal_->take_back();
    }
  });
}

void RecordedSession::begin_history() {
  histories_.clear();
  select_history();
}

void RecordedSession::select_history() {
  symbols_.forget();
  history_ = &histories_[session_.process_number()];
  if (!history_->timeline) history_->timeline.emplace(session_, symbols_);
  shown_.reset();
  landed_.reset();
  passed_.clear();
  jumping_ = undoing_ = had_threads_ = false;
  began_history_ = true;
}

std::string RecordedSession::python_helper() {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n_fred_rows = {}\n{}", values_py, conditions_py, skips_py, registers_py,
                     answers_py, python_string(Helper::rows()), commands_py);
}

std::vector<std::string> RecordedSession::gdb_commands() {
  if (auto listening = server_.listen(); !listening) return {"echo " + listening.error().message + "\\n"};
  const auto helper = server_.folder() + "/fred.py";
  std::ofstream(helper) << python_helper();
  std::vector<std::string> commands{"set sysroot /", "set breakpoint always-inserted on", "source " + helper};
  if (terminal_ != nullptr) commands.emplace_back("python _Fred.has_prompt = True");  // fred's
  commands.push_back("target extended-remote " + server_.socket());
  return commands;
}

void RecordedSession::use_terminal(ProgramTerminal& terminal) {
  terminal_ = &terminal;
  target_.own_group(true);
}

Result<> RecordedSession::allow(LifeCycle command, std::string_view, GdbQuestions& gdb) {
  if (command != LifeCycle::run && command != LifeCycle::start) return {};
  for (const auto* p : session_.processes()) {
    if (!session_.is_open(p->place.number) || p->place.number == session_.process_number()) continue;
    return fail(
        fmt::format("Process {} of the recording is debugged as well, and would be gone: end or leave it first"
                    " (kill inferiors, detach inferiors; see info inferiors).",
                    p->place.number));
  }
  // gdb has the target say that there is none, and then advises a setting of remote targets.
  const auto answer = ask_python(gdb, "program()");
  if (answer && answer->value("name", "?").empty()) {
    return fail("No executable file specified.\nUse the \"file\" or \"exec-file\" command.");
  }
  return {};
}

void RecordedSession::next_stop(const Landing& landing) {
  std::vector<remote::SessionTarget::Jump> jumps;
  if (landed_ && landed_->time == landing.time) {
    for (auto& stop : passed_) jumps.push_back({stop.time, std::move(stop.hits)});
    jumps.push_back({landing.time, landed_->hits});
  } else {
    jumps.push_back({landing.time, {}});
  }
  passed_.clear();
  target_.jump_next(std::move(jumps));
  jumping_ = true;
}

/// With another thread selected than the one that has stopped, gdb would first step that one over its breakpoint, and
/// ends itself if the stop is of yet another.
std::string RecordedSession::before_stop() {
  had_threads_ = had_threads_ || target_.threads().size() > 1;
  return had_threads_ ? "python _Fred.select_stopped()" : "";
}

void RecordedSession::stopped_there() { target_.jump_next({}); }

std::optional<Where> RecordedSession::where() {
  if (!session_.has_program() || session_.is_detached() || session_.live_is_running()) return std::nullopt;
  if (jumping_ && !target_.jump_waits()) {
    jumping_ = false;
    shown_.reset();
  }
  return Where{.begin = session_.begin(), .now = shown_.value_or(session_.position()), .tip = session_.tip()};
}

Result<Time> RecordedSession::find(std::string_view text) {
  for (const auto& mark : history_->marks) {
    if (mark.kind == Mark::Kind::bookmark && mark.name == text) return mark.time;
  }
  const auto meant = parse_time_text(text);
  if (!meant) return std::unexpected(meant.error());
  return history_->timeline->resolve(*meant);
}

Result<Landing> RecordedSession::go_to(const Time& time, Progress& progress) {
  Operation operation(*this, progress);
  if (auto there = session_.go_to(time); !there) return operation.undo(there.error());
  landed_.reset();
  return Landing{.time = time, .note = ""};
}

Result<Landing> RecordedSession::landing_of(const Result<Stop>& stop) {
  if (!stop) return std::unexpected(stop.error());
  if (stop->end == TravelEnd::interrupted) return interrupted();
  landed_ = *stop;
  const bool begin = stop->end == TravelEnd::history_begin;
  return Landing{.time = stop->time, .note = begin ? "\nNo more reverse-execution history." : ""};
}

}  // namespace fred
