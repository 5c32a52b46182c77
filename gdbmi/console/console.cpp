#include "gdbmi/console/console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>

namespace fred {

namespace {

/// The first thing that gdb prints for `new-ui`.
constexpr std::string_view announcement = "New UI allocated\n";

int own(UniqueFd& fd) { return fd ? fcntl(std::exchange(fd, UniqueFd()).get(), F_DUPFD_CLOEXEC, 0) : -1; }

/// How much of the end of `text` could be the beginning of `word`.
std::size_t begun(std::string_view text, std::string_view word) {
  for (std::size_t n = std::min(text.size(), word.size() - std::min<std::size_t>(word.size(), 1)); n != 0; --n) {
    if (text.ends_with(word.substr(0, n))) return n;
  }
  return 0;
}

}  // namespace

Console::Console(asio::io_context& io, GdbProcess& gdb, std::string prompt)
    : io_(io),
      input_(std::move(gdb.input)),
      output_{asio::posix::stream_descriptor(io), Source::output, {}, {}},
      error_{asio::posix::stream_descriptor(io), Source::error, {}, {}},
      separate_errors_(gdb.error),
      prompt_(std::move(prompt)),
      success_(prompt_.substr(0, prompt_.size() - 1) + "+"),
      mark_(prompt_.substr(0, prompt_.size() - 1) + "=") {
  output_.descriptor.assign(own(gdb.output));
  read_more(output_);
  if (separate_errors_) {
    error_.descriptor.assign(own(gdb.error));
    read_more(error_);
  }
}

bool Console::wait_until_ready() {
  while (alive_ && !ready_ && io_.run_one() != 0) {
  }
  return alive_;
}

bool Console::run(std::string_view line) {
  settle();
  if (!alive_) return false;
  ready_ = false;
  unfinished_.clear();
  type(fmt::format("{}\n", line));
  wait_until_ready();
  settle();
  return alive_;
}

/// A mark that gdb echoes is behind everything that came before. The first may be lost: a Ctrl-C that gdb has seen but
/// not answered yet ends the command that it meets. A prompt without that mark is either its answer or one too many, so
/// a second mark follows, which only another Ctrl-C can end: then all begins anew.
void Console::settle() {
  const auto send = [this] {
    ready_ = false;
    type(fmt::format("server echo {}{}\\n\n", mark_, ++marks_sent_));
  };
  const auto arrived = [this] { return ready_ && marks_seen_ == marks_sent_; };
  while (alive_ && std::exchange(uncertain_, false)) {
    send();
    if (!wait_until_ready() || arrived()) return;
    send();
    while (alive_ && !uncertain_ && !arrived() && io_.run_one() != 0) {
    }
  }
}

bool Console::run_script(std::string_view text) {
  const UniqueFd file(memfd_create("fred-script", MFD_CLOEXEC));
  const auto content = fmt::format("{}\necho {}\\n\n", text, success_);
  if (!file || write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) return false;
  const auto outer = std::exchange(script_path_, fmt::format("/proc/{}/fd/{}", getpid(), file.get()));
  succeeded_ = false;
  const bool alive = run("source " + script_path_);
  script_path_ = outer;
  return alive && std::exchange(succeeded_, false);
}

void Console::type(std::string_view bytes) {
  unfinished_.clear();
  while (alive_ && !bytes.empty()) {
    const auto n = write(input_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EAGAIN) {
      pollfd room{input_.get(), POLLOUT, 0};
      poll(&room, 1, -1);
    } else if (n < 0 && errno != EINTR) {
      return;  // that gdb is gone is noticed where it is read
    }
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool Console::output_waits() {
  pollfd output{output_.descriptor.native_handle(), POLLIN, 0};
  return poll(&output, 1, 0) == 1;
}

bool Console::reads_keys() const {
  termios modes;
  return tcgetattr(input_.get(), &modes) == 0 && (modes.c_lflag & ICANON) == 0;
}

void Console::interrupt_foreground() {
  const pid_t group = tcgetpgrp(input_.get());
  if (group > 1) kill(-group, SIGINT);
}

void Console::set_size(unsigned short rows, unsigned short columns) {
  const winsize size{rows, columns, 0, 0};
  ioctl(input_.get(), TIOCSWINSZ, &size);
}

void Console::end() {
  if (!alive_) return;
  read_rest(output_);
  if (separate_errors_) read_rest(error_);
  alive_ = false;
}

void Console::read_more(Stream& stream) {
  stream.descriptor.async_read_some(asio::buffer(stream.chunk),
                                    [this, &stream](boost::system::error_code error, std::size_t size) {
                                      if (error) return;
                                      const std::string bytes(stream.chunk.data(), size);
                                      read_more(stream);
                                      take(stream, bytes);
                                    });
}

void Console::read_rest(Stream& stream) {
  boost::system::error_code error;
  stream.descriptor.non_blocking(true, error);
  for (;;) {
    const auto n = stream.descriptor.read_some(asio::buffer(stream.chunk), error);
    if (error) break;
    take(stream, {stream.chunk.data(), n});
  }
  stream.descriptor.close(error);
  print(stream.source, std::exchange(stream.held, {}));
}

void Console::take(Stream& stream, std::string_view bytes) {
  stream.held += bytes;
  while (take_held(stream)) {
  }
  if (!ready_ && !unfinished_.empty() && stream.held.empty() && on_question_) on_question_();
}

std::vector<std::string_view> Console::own_words() const {
  std::vector<std::string_view> words{prompt_, success_, mark_};
  if (!script_path_.empty()) words.emplace_back(script_path_);
  if (!announced_) words.emplace_back(announcement);
  return words;
}

bool Console::take_held(Stream& stream) {
  auto& held = stream.held;
  std::size_t first = std::string::npos, keep = 0;
  for (const auto word : own_words()) {
    first = std::min(first, held.find(word));
    keep = std::max(keep, begun(held, word));
  }
  if (first == 0) return take_own_word(stream);
  const auto text = held.substr(0, first != std::string::npos ? first : held.size() - keep);
  held.erase(0, text.size());
  print(stream.source, text);
  return first != std::string::npos;
}

bool Console::take_own_word(Stream& stream) {
  auto& held = stream.held;
  if (held.starts_with(prompt_)) {
    held.erase(0, prompt_.size());
    unfinished_.clear();
    if (separate_errors_ && stream.source == Source::output) take_waiting_errors();
    ready_ = true;
    return !held.empty();
  }
  // The others are lines: the announcement, the success, a mark, "PATH:LINE: Error in sourced command file:".
  const auto end = held.find('\n');
  if (end == std::string::npos) return false;
  if (held.starts_with(mark_)) {
    std::from_chars(held.data() + mark_.size(), held.data() + end, marks_seen_);
    ready_ = false;  // its own prompt comes next
  }
  succeeded_ = succeeded_ || held.starts_with(success_);
  announced_ = announced_ || held.starts_with(announcement);
  held.erase(0, end + 1);
  return true;
}

/// What gdb wrote to its standard error before its prompt is there already, and belongs before it.
void Console::take_waiting_errors() {
  char chunk[4096];
  pollfd waiting{error_.descriptor.native_handle(), POLLIN, 0};
  while (poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0) {
    const auto n = read(waiting.fd, chunk, sizeof chunk);
    if (n <= 0) break;
    take(error_, {chunk, static_cast<std::size_t>(n)});
  }
}

void Console::print(Source source, std::string_view bytes) {
  if (bytes.empty()) return;
  const auto newline = bytes.rfind('\n');
  if (newline != std::string_view::npos) unfinished_.clear();
  unfinished_ += newline == std::string_view::npos ? bytes : bytes.substr(newline + 1);
  if (captured_ != nullptr) {
    *captured_ += bytes;
  } else if (on_output_) {
    on_output_(source, bytes);
  }
}

}  // namespace fred
