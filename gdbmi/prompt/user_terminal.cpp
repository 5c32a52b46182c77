#include "gdbmi/prompt/user_terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "gdbmi/prompt/standard_input.h"

namespace fred {

namespace {

/// Sets what a background process must not set without being stopped.
template <class F>
void undisturbed(F f) {
  sigset_t stops, before;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTTOU);
  sigprocmask(SIG_BLOCK, &stops, &before);
  f();
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

winsize size_of_terminal() {
  winsize size{};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) size = {24, 80, 0, 0};
  return size;
}

}  // namespace

bool is_known_question(std::string_view line) {
  const auto word = line.find_first_not_of(' ');
  if (word != std::string_view::npos && line.substr(word) == ">") return true;
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"(y or n) ", "([y] or n) ", "(y or [n]) ", "without paging--"},
      [line](std::string_view end) { return line.find(end) != std::string_view::npos; });
}

UserTerminal::UserTerminal(asio::io_context& io, bool terminal) : io_(io), input_(io), retry_(io), terminal_(terminal) {
  if (!terminal_) return;
  boost::system::error_code error;
  input_.assign(own_standard_input(), error);
  terminal_ = !error;
  tcgetattr(STDIN_FILENO, &own_modes_);
}

UserTerminal::~UserTerminal() {
  if (!terminal_) return;
  taken_back_ = nullptr;
  take_back();
  undisturbed([this] { tcsetattr(STDIN_FILENO, TCSADRAIN, &own_modes_); });
}

void UserTerminal::lend(int process_group) {
  if (!terminal_ || lent_ || process_group <= 0) return;
  lent_ = true;
  if (std::exchange(program_, process_group) != process_group) program_modes_.reset();
  undisturbed([&] {
    if (program_modes_) tcsetattr(STDIN_FILENO, TCSADRAIN, &*program_modes_);
    tcsetpgrp(STDIN_FILENO, process_group);
  });
}

void UserTerminal::take_back() {
  if (!std::exchange(lent_, false)) return;
  undisturbed([this] {
    tcsetpgrp(STDIN_FILENO, getpgrp());
    termios modes;
    if (tcgetattr(STDIN_FILENO, &modes) == 0) program_modes_ = modes;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &own_modes_);
  });
  if (command_) listen();
  if (taken_back_) taken_back_();
}

void UserTerminal::command_begins(bool reads) {
  if (!terminal_) return;
  command_ = true;
  reads_ = reads;
  listen();
}

void UserTerminal::command_ends() {
  if (!std::exchange(command_, false)) return;
  reads_ = false;
  set_keys(false);
  retry_.cancel();
  input_.cancel();
  listening_ = false;
  ++listened_;
}

void UserTerminal::question() {
  if (!command_) return;
  adapt();
  listen();
}

void UserTerminal::program_on_gdb_terminal(bool runs) {
  if (!command_) return;
  reads_ = runs;
  adapt();
  listen();
}

void UserTerminal::adapt() { set_keys(gdb_->console().reads_keys()); }

void UserTerminal::set_keys(bool on) {
  if (keys_ == on) return;
  keys_ = on;
  termios modes = own_modes_;
  if (on) cfmakeraw(&modes);
  undisturbed([&] { tcsetattr(STDIN_FILENO, TCSADRAIN, &modes); });
}

/// What the user types ahead while gdb works is for fred, not for gdb.
bool UserTerminal::surely_asked() const {
  return keys_ || reads_ || is_known_question(gdb_->console().unfinished_line());
}

void UserTerminal::listen() {
  if (listening_ || lent_ || !command_) return;
  if (!keys_ && !reads_ && gdb_->console().unfinished_line().empty()) return;
  listening_ = true;
  input_.async_wait(asio::posix::stream_descriptor::wait_read, [this, n = listened_](boost::system::error_code error) {
    if (n != listened_) return;
    listening_ = false;
    if (error || !command_ || lent_) return;
    if (surely_asked()) {
      pass_on();
      listen();
    } else {
      // Behind everything that has come from gdb by now.
      asio::post(io_, [this, n] { answer_if_asked(n); });
    }
  });
}

/// gdb has printed within a line. If it sleeps, and has printed nothing since, it waits for an answer; else it works,
/// and either goes on or comes to wait.
void UserTerminal::answer_if_asked(unsigned n) {
  if (n != listened_ || !command_ || lent_ || gdb_->console().unfinished_line().empty()) return;
  if (surely_asked() || (gdb_->sleeps() && !gdb_->console().output_waits())) {
    pass_on();
    return listen();
  }
  retry_.expires_after(std::chrono::milliseconds(20));
  retry_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) listen();
  });
}

void UserTerminal::pass_on() {
  char bytes[4096];
  // Without keys_ the terminal gives one line at a time.
  // It does not block: a terminal can say that it is readable when its modes change.
  const auto n = read(input_.native_handle(), bytes, sizeof bytes);
  if (n > 0) gdb_->console().type({bytes, static_cast<std::size_t>(n)});
  if (n == 0) gdb_->console().type("\004");
}

unsigned short UserTerminal::rows() const { return size_of_terminal().ws_row; }
unsigned short UserTerminal::columns() const { return size_of_terminal().ws_col; }

}  // namespace fred
