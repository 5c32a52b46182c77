#include "gdbmi/prompt/gdb_link.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <random>

#include "core/base/process_state.h"

namespace fred {

namespace {
/// Nothing else prints this.
std::string new_prompt_word() {
  std::random_device random;
  return fmt::format("<fred {:08x}{:08x}>", random(), random());
}
}  // namespace

Result<std::unique_ptr<GdbLink>> GdbLink::start(asio::io_context& io, GdbCommand command) {
  command.prompt = new_prompt_word();
  auto gdb = start_gdb(command);
  if (!gdb) return std::unexpected(gdb.error());
  return std::unique_ptr<GdbLink>(new GdbLink(io, std::move(*gdb), command));
}

GdbLink::GdbLink(asio::io_context& io, GdbProcess gdb, const GdbCommand& command)
    : gdb_(std::move(gdb)),
      prompt_(command.prompt),
      terminal_(command.terminal),
      console_(io, gdb_, prompt_),
      mi_(io, std::move(gdb_.mi)),
      ended_(io, fcntl(gdb_.ended.get(), F_DUPFD_CLOEXEC, 0)) {
  ended_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    status_ = wait_for_end(gdb_.pid);
    alive_ = false;
    console_.end();
    mi_.end("gdb has ended");
    if (on_end_) on_end_();
  });
}

GdbLink::~GdbLink() {
  if (!alive_) return;
  hang_up();
  wait_for_end(gdb_.pid);
}

void GdbLink::interrupt() {
  if (!alive_) return;
  console_.expect_prompts();
  if (terminal_) {
    console_.interrupt_foreground();
  } else {
    kill(gdb_.pid, SIGINT);
  }
}

void GdbLink::hang_up() const {
  if (alive_) kill(gdb_.pid, SIGHUP);
}

bool GdbLink::sleeps() const { return process_state(gdb_.pid) == 'S'; }

std::string bad_end(int wait_status) {
  if (!WIFSIGNALED(wait_status)) return "";
  const int signal = WTERMSIG(wait_status);
  return fmt::format("gdb was killed by signal {} ({})", signal, strsignal(signal));
}

}  // namespace fred
