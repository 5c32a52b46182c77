// What comes to the prompt by itself: gdb's output and events, signals; and completion.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "core/base/write_all.h"
#include "gdbmi/mi/parser.h"
#include "gdbmi/prompt/prompt.h"

namespace fred {

void Prompt::print(std::string_view text) {
  progress_.clear();
  write_all(STDOUT_FILENO, text);
}

/// gdb has the pages: it asks after each, and knows `set height` and q. Not as a script, from which the answers would
/// be read; and not `echo`, as a line on a terminal is short.
void Prompt::print_pages(std::string_view text) {
  const UniqueFd file(terminal_ ? memfd_create("fred-pages", MFD_CLOEXEC) : -1);
  if (!file) return print(text);
  progress_.clear();
  write_all(file.get(),
            fmt::format("try:\n  gdb.write({})\nexcept KeyboardInterrupt:\n  gdb.write('Quit\\n')\n", mi::quote(text)));
  give_to_gdb(fmt::format("server python exec(open('/proc/{}/fd/{}').read())", getpid(), file.get()), Way::typed);
}

void Prompt::say_error(std::string_view message) {
  progress_.clear();
  write_all(STDERR_FILENO, fmt::format("{}\n", message));
}

void Prompt::take_output(Console::Source source, std::string_view bytes) {
  const int fd = source == Console::Source::output ? STDOUT_FILENO : STDERR_FILENO;
  progress_.clear();
  reader_.print_above([&] { write_all(fd, bytes); });
}

void Prompt::take_event(const mi::AsyncRecord& event) {
  if (event.what == "running" || event.what == "stopped") {
    if (!session_.owns_program()) user_terminal_.program_on_gdb_terminal(event.what == "running");
  } else if (event.what == "cmd-param-changed") {
    const auto name = event.values.string("param"), value = event.values.string("value");
    if (name == "prompt" && value != gdb_->prompt_word()) keep_setting("prompt " + gdb_->prompt_word());
    if (name == "editing" && value == "on") keep_setting("editing off");
  }
}

/// gdb reads this when the command that it executes now is done; `server` keeps it out of gdb's history.
void Prompt::keep_setting(const std::string& command) {
  gdb_->console().type(fmt::format("server set {}\n", command));
  gdb_->console().expect_prompts();
}

/// Questions answer themselves; the lines of a command of several come from where commands come from. Output may begin
/// with ">" as well, and arrive in pieces: gdb asks if nothing more comes and it sleeps.
void Prompt::answer_without_terminal() {
  constexpr auto between_looks = std::chrono::milliseconds(2);
  asking_.expires_after(between_looks);
  asking_.async_wait([this](boost::system::error_code error) {
    if (error || !gdb_->alive()) return;
    const auto line = gdb_->console().unfinished_line();
    if (line.find_first_not_of(' ') == std::string::npos || line.substr(line.find_first_not_of(' ')) != ">") return;
    if (gdb_->console().output_waits() || !gdb_->sleeps()) return answer_without_terminal();
    const auto next = reader_.next_plain_line();
    gdb_->console().type(next.value_or("end") + "\n");
  });
}

void Prompt::wait_for_interrupt() {
  if (std::exchange(waits_for_interrupt_, true)) return;
  interrupted_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    waits_for_interrupt_ = false;
    if (own_operation_) return;  // it asks its Progress
    interrupt_.clear();
    wait_for_interrupt();
    if (reader_.reading()) {
      reader_.drop_line();
    } else {
      gdb_->interrupt();
    }
  });
}

void Prompt::wait_for_signal() {
  signals_.async_wait([this](boost::system::error_code error, int signal) {
    if (error) return;
    wait_for_signal();
    switch (signal) {
      case SIGWINCH:
        return resized();
      case SIGTSTP:
        reader_.suspend();
        return tell_size();
      default:
        ended_by_ = signal;
        reader_.stop();
        gdb_->hang_up();
    }
  });
}

void Prompt::resized() {
  if (!terminal_) return;
  reader_.resized();
  tell_size();
}

/// gdb hears of a new one as at any terminal, and takes it.
void Prompt::tell_size() {
  if (terminal_) gdb_->console().set_size(user_terminal_.rows(), user_terminal_.columns());
}

std::vector<std::string> Prompt::complete(std::string_view text, std::size_t word_start) {
  const auto blanks = std::min(text.find_first_not_of(" \t"), text.size());
  const auto line = text.substr(blanks);
  std::vector<std::string> words;
  const auto add = [&](const std::vector<std::string>& lines, std::size_t start) {
    for (const auto& l : lines) {
      if (l.size() >= start) words.push_back(l.substr(start));
    }
  };
  const std::size_t start = word_start - std::min(blanks, word_start);
  const auto found = find_command(line, [](std::string_view) { return std::vector<std::string>{}; });
  const bool has_arguments =
      found && line.find(' ') != std::string_view::npos && !found->command->name.starts_with("info");
  const auto begin = found && !found->arguments.empty()
                         ? static_cast<std::size_t>(found->arguments.data() - line.data())
                         : line.size();
  const auto given = line.substr(begin);  // with the blank behind a word that is complete
  const auto add_beginning = [&](std::string_view word, std::string_view so_far) {
    if (word.starts_with(so_far)) words.emplace_back(word);
  };
  /// The word that is being typed, as an argument of one of gdb's commands.
  const auto add_as = [&](std::string_view command, std::string_view argument) {
    const auto asked = fmt::format("{} {}", command, argument);
    const auto cut = line.size() - start;  // letters of the word so far
    add(gdb_completions(asked), asked.size() - std::min(cut, asked.size()));
  };
  const auto name = has_arguments ? found->command->name : std::string_view{};
  if (has_arguments && found->command->group == Command::Group::search) {
    auto expression = given;
    for (const std::string_view option : {"--last ", "-f "}) {
      if (expression.starts_with(option)) expression.remove_prefix(option.size());
    }
    add_as("print", expression.substr(std::min(expression.find_first_not_of(' '), expression.size())));
    if (given.starts_with('-') && name == "reverse-watch") add_beginning("--last", given);
  } else if (name == "goto") {
    for (const std::string_view place : {"start", "end"}) add_beginning(place, given);
    for (const auto& m : session_.marks(Mark::Kind::bookmark)) add_beginning(m.name, given);
  } else if (name == "fred-source") {
    add_as("source", given);
  } else if (constexpr std::string_view save = "save "; name == "history") {
    if (given.starts_with(save)) add_as("source", given.substr(save.size()));
    add_beginning("save", given);
  } else if (name == "help") {
    add(gdb_completions(line), start);
    add(complete_command(given), start - std::min(begin, start));
  } else {
    add(gdb_completions(line), start);
    add(complete_command(line), start);
  }
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

}  // namespace fred
