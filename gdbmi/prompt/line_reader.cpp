#include "gdbmi/prompt/line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
// readline needs <cstdio> before it
#include <readline/history.h>
#include <readline/readline.h>

#include "gdbmi/prompt/standard_input.h"

namespace fred {

namespace {
LineReader* g_reader = nullptr;

/// After Ctrl-D readline would print a newline each time that it gives the terminal back, from then on for every line.
void give_terminal_back() {
  rl_eof_found = 0;
  rl_deprep_terminal();
}
}  // namespace

LineReader::LineReader(asio::io_context& io, bool terminal) : io_(io), input_(io), terminal_(terminal) {
  g_reader = this;
  boost::system::error_code no_polling;  // an ordinary file cannot be polled, and need not be
  input_.assign(own_standard_input(), no_polling);
  if (!terminal_) return;
  rl_readline_name = "fred";
  // No LINES and COLUMNS: the program stops at the same Times in whatever terminal, or in none.
  rl_change_environment = 0;
  rl_catch_signals = 0;
  rl_catch_sigwinch = 0;
  rl_deprep_term_function = give_terminal_back;
  rl_attempted_completion_function = complete;
  // gdb completes whole lines; only blanks separate words, so that `p head->v` is completed as gdb does.
  rl_completer_word_break_characters = " \t\n";
  rl_completer_quote_characters = nullptr;
  rl_sort_completion_matches = 0;
}

LineReader::~LineReader() {
  stop();
  if (reading_) rl_callback_handler_remove();
  g_reader = nullptr;
}

void LineReader::use_history(const std::string& path) {
  if (!terminal_) return;
  history_ = path;
  using_history();
  read_history(path.c_str());
}

void LineReader::save_history() {
  if (history_.empty() || lines_added_ == 0) return;
  const int fd = open(history_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  close(fd);
  append_history(lines_added_, history_.c_str());
  history_truncate_file(history_.c_str(), 2000);
  lines_added_ = 0;
}

std::optional<std::string> LineReader::read(const std::string& prompt) {
  if (!terminal_) {
    (void)!write(STDOUT_FILENO, prompt.data(), prompt.size());
    return next_plain_line();
  }
  line_.reset();
  done_ = false;
  reading_ = true;
  rl_callback_handler_install(prompt.c_str(), take_line);
  initialized_ = true;
  wait_for_key();
  while (!done_ && io_.run_one() != 0) {
  }
  rl_callback_handler_remove();
  reading_ = false;
  input_.cancel();
  return std::exchange(line_, std::nullopt);
}

void LineReader::wait_for_key() {
  if (waiting_) return;
  waiting_ = true;
  input_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
    waiting_ = false;
    if (error || !reading_ || done_) return;
    rl_callback_read_char();
    if (!done_) wait_for_key();
  });
}

void LineReader::take_line(char* line) {
  auto& reader = *g_reader;
  reader.done_ = true;
  // At once: readline shows its prompt again otherwise.
  rl_callback_handler_remove();
  if (line == nullptr) return;
  reader.line_ = line;
  free(line);
  if (reader.line_->find_first_not_of(" \t") == std::string::npos) return;
  const auto* last = history_length > 0 ? history_get(history_base + history_length - 1) : nullptr;
  if (last != nullptr && *reader.line_ == last->line) return;
  add_history(reader.line_->c_str());
  ++reader.lines_added_;
}

char** LineReader::complete(const char* text, int start, int end) {
  rl_attempted_completion_over = 1;  // no file names by default
  if (!g_reader->completer_) return nullptr;
  const auto matches = g_reader->completer_(std::string_view(rl_line_buffer, static_cast<std::size_t>(end)),
                                            static_cast<std::size_t>(start));
  if (matches.empty()) return nullptr;
  // What all have in common comes first.
  std::string common = matches.front();
  for (const auto& m : matches) {
    std::size_t n = 0;
    while (n < common.size() && n < m.size() && common[n] == m[n]) ++n;
    common.resize(n);
  }
  if (common.size() < std::strlen(text)) common = text;
  auto** list = static_cast<char**>(calloc(matches.size() + 2, sizeof(char*)));
  list[0] = strdup(common.c_str());
  if (matches.size() == 1) {
    rl_completion_suppress_append = common.ends_with('/') ? 1 : 0;
  } else {
    for (std::size_t i = 0; i < matches.size(); ++i) list[i + 1] = strdup(matches[i].c_str());
  }
  return list;
}

void LineReader::drop_line() {
  if (!reading_ || !terminal_ || done_) return;
  rl_free_line_state();
  rl_callback_sigcleanup();
  rl_replace_line("", 0);
  std::fputs("Quit\n", rl_outstream != nullptr ? rl_outstream : stdout);
  rl_on_new_line();
  rl_redisplay();
}

void LineReader::stop() {
  done_ = true;
  line_.reset();
}

void LineReader::print_above(const std::function<void()>& print) {
  if (!reading_ || done_) return print();
  rl_clear_visible_line();
  print();
  rl_on_new_line();
  rl_redisplay();
}

void LineReader::resized() {
  if (!initialized_) return;
  if (reading_ && !done_) {
    rl_resize_terminal();
  } else {
    rl_reset_screen_size();  // the other one would show the prompt
  }
}

void LineReader::suspend() {
  if (reading_ && !done_ && rl_deprep_term_function != nullptr) rl_deprep_term_function();
  raise(SIGSTOP);
  if (initialized_) rl_reset_screen_size();
  if (reading_ && !done_) {
    if (rl_prep_term_function != nullptr) rl_prep_term_function(1);
    rl_forced_update_display();
  }
}

std::optional<std::string> LineReader::next_plain_line() {
  for (;;) {
    const auto end = buffer_.find('\n');
    if (end != std::string::npos || (ended_ && !buffer_.empty())) {
      const auto line = buffer_.substr(0, end);
      buffer_.erase(0, end == std::string::npos ? end : end + 1);
      return line;
    }
    if (ended_ || !read_chunk()) return std::nullopt;
  }
}

/// False: stop() was called.
bool LineReader::read_chunk() {
  done_ = false;
  reading_ = true;
  bool readable = !input_.is_open();
  if (!readable) {
    input_.async_wait(asio::posix::stream_descriptor::wait_read, [&readable](boost::system::error_code error) {
      if (error != asio::error::operation_aborted) readable = true;  // of an ordinary file: waiting is not supported
    });
    while (!readable && !done_ && io_.run_one() != 0) {
    }
  }
  reading_ = false;
  if (!readable) {
    input_.cancel();
    io_.poll();  // the handler refers to this frame
    return false;
  }
  char chunk[4096];
  const auto n = ::read(STDIN_FILENO, chunk, sizeof chunk);
  if (n > 0) {
    buffer_.append(chunk, static_cast<std::size_t>(n));
  } else if (n == 0 || errno != EINTR) {
    ended_ = true;
  }
  return true;
}

}  // namespace fred
