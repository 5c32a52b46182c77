#include "gdbmi/prompt/prompt.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "gdbmi/mi/parser.h"
#include "gdbmi/prompt/life_cycle.h"
#include "gdbmi/prompt/script.h"

namespace fred {

namespace {

bool same_file(int a, int b) {
  struct stat x {
  }, y{};
  return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

std::string history_path() {
  const char* const home = std::getenv("HOME");
  return home == nullptr ? std::string() : std::string(home) + "/.fred_history";
}

}  // namespace

Prompt::Prompt(asio::io_context& io, TravelSession& session, PromptOptions options)
    : io_(io),
      session_(session),
      options_(std::move(options)),
      terminal_(!options_.batch && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1),
      interrupted_(io, fcntl(interrupt_.descriptor(), F_DUPFD_CLOEXEC, 3)),
      signals_(io, SIGWINCH, SIGTSTP, SIGTERM),
      asking_(io),
      user_terminal_(io, terminal_),
      reader_(io, terminal_),
      progress_(interrupt_, terminal_) {
  signals_.add(SIGHUP);
  std::signal(SIGPIPE, SIG_IGN);  // a pipe whose other end is gone is an error where it is written
}

int Prompt::run() {
  if (auto ok = start_gdb(); !ok) {
    say_error("fred: " + ok.error().message);
    return 1;
  }
  if (!gdb_->console().wait_until_ready()) return finish(1);
  if (auto ok = run_session_commands(); !ok) {
    say_error("fred: " + ok.error().message);
    return 1;
  }
  bool ok = run_start_commands();
  if (ok && !options_.replay.empty() && gdb_->alive()) {
    const auto replayed = replay(options_.replay);
    if (!replayed) say_error("fred: " + replayed.error().message);
    ok = replayed.has_value();
    if (!ok || options_.batch) return finish(ok ? 0 : 1);
  }
  if (!options_.batch && gdb_->alive()) run_lines();
  return finish(ok ? 0 : 1);
}

Result<> Prompt::start_gdb() {
  GdbCommand command;
  command.gdb = options_.gdb;
  command.terminal = terminal_;
  command.rows = user_terminal_.rows();
  command.columns = user_terminal_.columns();
  command.separate_errors = !same_file(STDOUT_FILENO, STDERR_FILENO);
  command.options = {"-q"};
  if (options_.batch) {
    // As gdb's own --batch has them.
    for (const char* setting : {"width 0", "height 0", "style enabled off", "print symbol-loading off"}) {
      command.options.insert(command.options.end(), {"-iex", std::string("set ") + setting});
    }
  }
  command.options.insert(command.options.end(), options_.gdb_options.begin(), options_.gdb_options.end());
  command.program = options_.program;
  auto link = GdbLink::start(io_, std::move(command));
  if (!link) return std::unexpected(link.error());
  gdb_ = std::move(*link);
  questions_ = std::make_unique<MiQuestions>(gdb_->mi());
  gdb_->console().on_output([this](Console::Source s, std::string_view bytes) { take_output(s, bytes); });
  gdb_->console().on_question([this] {
    if (terminal_) {
      user_terminal_.question();
    } else {
      answer_without_terminal();
    }
  });
  gdb_->mi().on_event([this](const mi::AsyncRecord& event) { take_event(event); });
  gdb_->mi().on_text([this](const mi::StreamRecord& text) {
    // What the target says comes to the interface that gdb happens to serve.
    if (text.kind == mi::StreamRecord::Kind::target) take_output(Console::Source::output, text.text);
  });
  gdb_->on_end([this] { reader_.stop(); });
  user_terminal_.use(*gdb_);
  user_terminal_.on_taken_back([this] { resized(); });
  session_.use_terminal(user_terminal_);
  reader_.set_completer([this](std::string_view text, std::size_t start) { return complete(text, start); });
  reader_.use_history(history_path());
  wait_for_interrupt();
  wait_for_signal();
  return {};
}

Result<> Prompt::run_session_commands() {
  for (const auto& command : session_.gdb_commands()) {
    std::string said;
    const Console::Capture capture(gdb_->console(), said);
    if (!gdb_->console().run_script(command)) return fail(fmt::format("gdb refuses '{}': {}", command, said));
  }
  return {};
}

/// False: the last one failed.
bool Prompt::run_start_commands() {
  bool ok = true;
  for (std::size_t i = 0; i < options_.commands.size(); ++i) {
    const auto& command = options_.commands[i];
    if (!gdb_->alive()) {
      const auto by = life_cycle_command(options_.commands[i - 1].text);
      if (!by || by->what != LifeCycle::quit) {
        say_error(fmt::format("fred: gdb has ended by itself; not executed: '{}'{}", command.text,
                              i + 1 < options_.commands.size() ? " and what follows" : ""));
      }
      break;
    }
    if (command.file) {
      const auto done = run_file(command.text);
      if (!done) say_error(done.error().message);
      ok = done.has_value();
    } else {
      ok = execute(command.text, options_.batch ? Way::checked : Way::typed);
    }
  }
  return ok;
}

void Prompt::run_lines() {
  if (terminal_ && !options_.quiet)
    print("gdb's commands, and fred's: \"help fred\" lists those that travel in time.\n");
  while (gdb_->alive()) {
    const auto line = reader_.read(prompt_text());
    if (!gdb_->alive() || ended_by_ != 0) return;
    if (!line) {
      print("quit\n");
      execute("quit", Way::typed);
      if (!terminal_) return;
      continue;
    }
    if (!trimmed(*line).empty()) {
      last_line_ = *line;
      last_was_ours_ = last_repeats_ = false;
      if (const auto found = find_command(*line, [this](std::string_view t) { return gdb_completions(t); })) {
        last_was_ours_ = true;
        last_repeats_ = found->command->repeats;
      }
      execute(*line, Way::typed);
    } else if (last_was_ours_) {
      if (last_repeats_) execute(last_line_, Way::typed);
    } else if (!last_line_.empty()) {
      // gdb knows how its commands are repeated: `list` goes on, `run` does not run again.
      give_to_gdb("", Way::typed);
    }
  }
}

/// Ends gdb if it has not ended, and says how.
int Prompt::finish(int status) {
  reader_.save_history();
  const bool by_error = gdb_->alive() && status != 0;  // then the status is not the program's
  if (gdb_->alive() && ended_by_ == 0) {
    std::string ignored;
    const Console::Capture capture(gdb_->console(), ignored);
    gdb_->console().run(status == 0 ? "quit" : fmt::format("quit {}", status));
  }
  if (gdb_->alive()) gdb_->hang_up();
  while (gdb_->alive() && io_.run_one() != 0) {
  }
  if (ended_by_ != 0) return 128 + ended_by_;
  if (const auto end = bad_end(gdb_->status()); !end.empty()) {
    say_error("fred: " + end + "; the session ends with it");
    return 1;
  }
  const int gdbs = WEXITSTATUS(gdb_->status());
  return options_.child_result && !by_error ? session_.child_result(gdbs) : gdbs;
}

bool Prompt::execute(std::string_view line, Way way) {
  const auto before = time_of(session_);
  const auto outer_way = std::exchange(way_, way);
  Result<> result;
  gdb_failed_ = false;
  session_.command_begins();
  if (const auto found = find_command(line, [this](std::string_view t) { return gdb_completions(t); })) {
    CommandContext context{session_, *questions_, *this};
    result = session_.follow_gdb(*questions_);
    if (result) result = found->command->handler(context, found->arguments);
    progress_.clear();
  } else {
    const auto life = life_cycle_command(line);
    if (life) result = session_.allow(life->what, life->arguments, *questions_);
    const auto going = goes_on(line);
    if (result && going != GoesOn::no) result = session_.begin_run(*questions_, going == GoesOn::to_frame_end);
    if (result) gdb_failed_ = !give_to_gdb(line, way);
    session_.end_run();
  }
  if (std::exchange(own_operation_, false)) interrupt_.clear();
  wait_for_interrupt();
  way_ = outer_way;
  if (!result) say_error(result.error().message);
  const bool failed = !result || gdb_failed_;
  session_.note({std::string(line), before, time_of(session_), failed});
  return !failed;
}

bool Prompt::give_to_gdb(std::string_view line, Way way) {
  user_terminal_.command_begins(uses_terminal(line));
  const bool ok = way == Way::typed ? gdb_->console().run(line) : gdb_->console().run_script(line);
  if (const u64 sent = session_.lines_sent(); std::exchange(lines_printed_, sent) != sent && gdb_->alive()) {
    (void)gdb_->mi().ask("-gdb-show confirm");  // its answer is behind them
  }
  user_terminal_.command_ends();
  if (const auto why = session_.take_why_not_begun(); !why.empty()) say_error(why);
  return ok;
}

Result<> Prompt::replay(const std::string& path) {
  std::ifstream in(path);
  if (!in || (in.peek(), in.bad())) return fail(fmt::format("cannot read {}", path));
  u64 number = 0;
  for (std::string line; std::getline(in, line) && gdb_->alive();) {
    ++number;
    if (trimmed(line).empty()) continue;
    const auto saved = session_.parse_history_line(line);
    if (!saved) return fail(fmt::format("{}:{}: {}", path, number, saved.error().message));
    print(fmt::format("{}{}\n", prompt_text(), saved->text));
    execute(saved->text, Way::checked);
    const auto after = time_of(session_);
    if (after == saved->after) continue;
    const auto show = [this](const std::optional<Time>& t) { return t ? session_.print(*t) : "no program"; };
    return fail(fmt::format("{}:{}: '{}' ended at {}, in the recording at {}", path, number, saved->text, show(after),
                            show(saved->after)));
  }
  return {};
}

// --- Shell ----------------------------------------------------------------------------------------------------

bool Prompt::gdb(std::string_view line) {
  progress_.clear();
  if (std::exchange(own_operation_, false)) interrupt_.clear();
  wait_for_interrupt();
  const bool ok = give_to_gdb(line, way_);
  gdb_failed_ = gdb_failed_ || !ok;
  return gdb_->alive();
}

std::vector<std::string> Prompt::gdb_completions(std::string_view text) {
  std::vector<std::string> words;
  const auto answer = gdb_->mi().ask("-complete " + mi::quote(text));
  if (!answer) return words;
  if (const auto* const matches = answer->find("matches")) {
    for (const auto& m : matches->members) words.push_back(m.value.text);
  }
  return words;
}

Result<> Prompt::run_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(fmt::format("{}: No such file or directory.", path));
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto parts = split_script(text, [this](std::string_view line) {
    return find_command(line, [this](std::string_view t) { return gdb_completions(t); }).has_value();
  });
  const bool whole = parts.size() == 1 && !parts.front().ours;
  if (whole || path.ends_with(".py")) {
    return execute("source " + path, Way::checked) ? Result<>() : fail(fmt::format("{}: ended by an error", path));
  }
  for (const auto& part : parts) {
    if (!gdb_->alive()) break;
    if (!execute(part.text, Way::checked)) {
      return fail(fmt::format("{}: ended by an error at '{}'", path, part.text.substr(0, part.text.find('\n'))));
    }
  }
  return {};
}

Result<> Prompt::set_prompt_format(std::string_view format) {
  if (auto ok = check_prompt_format(format); !ok) return ok;
  format_ = format;
  return {};
}

unsigned Prompt::width() const { return terminal_ ? user_terminal_.columns() : 80; }

Progress& Prompt::progress() {
  progress_.begin();
  own_operation_ = true;
  return progress_;
}

std::string Prompt::prompt_text() {
  const auto where = session_.where();
  return render_prompt(format_, where, where ? session_.print(where->now) : "");
}

}  // namespace fred
