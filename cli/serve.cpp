// `fred serve`: the remote protocol for any gdb.
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/commands.h"
#include "core/elf/program.h"
#include "gdbmi/rsp/connection.h"
#include "gdbmi/travel/recorded_session.h"

namespace fred {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using unix_stream = asio::local::stream_protocol;

void close_on_exec(int fd) { fcntl(fd, F_SETFD, FD_CLOEXEC); }
UniqueFd duplicate(int fd) { return UniqueFd{fcntl(fd, F_DUPFD_CLOEXEC, 3)}; }

/// A gdb that goes away while it is written to is noticed by reading. Not SIG_IGN: the program would inherit that.
void expect_broken_pipes() {
  if (std::signal(SIGPIPE, [](int) {}) == SIG_IGN) std::signal(SIGPIPE, SIG_IGN);
}

class Server {
 public:
  explicit Server(const ServeOptions& options)
      : options_(options),
        recorded_(io_, {.engine = options.engine}, surroundings()),
        session_(recorded_.session()),
        target_(recorded_.target()),
        signals_(io_, SIGINT, SIGTERM, SIGHUP) {
    expect_broken_pipes();
    target_.on_detached([this](const ProgramEnd&) {
      program_goes_on_ = false;
      end_if_done();
    });
    wait_for_signals();
  }
  ~Server() {
    if (!options_.socket.empty() && listening_) unlink(options_.socket.c_str());
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int run() {
    if (!options_.command.empty()) {
      if (auto started = target_.start(first_start()); !started) {
        return failed(started.error().message, exit_status_for(started.error()));
      }
    }
    try {
      if (options_.stdio) {
        serve(duplicate(STDIN_FILENO), duplicate(STDOUT_FILENO));
      } else if (!options_.socket.empty()) {
        unix_acceptor_.emplace(io_, unix_stream::endpoint(options_.socket));
        listening_ = true;
        fmt::print(stderr, "Listening on socket {}\n", options_.socket);
        tell_of_helper();
        listen(*unix_acceptor_);
      } else {
        tcp_acceptor_.emplace(io_, tcp::endpoint(asio::ip::address_v4::loopback(), options_.port));
        fmt::print(stderr, "Listening on port {}\n", tcp_acceptor_->local_endpoint().port());
        tell_of_helper();
        listen(*tcp_acceptor_);
      }
    } catch (const boost::system::system_error& e) {
      return failed(fmt::format("cannot listen: {}", e.code().message()));
    }
    io_.run();
    return 0;
  }

 private:
  /// What `fred-gdb --python-helper` prints lies beside the programs.
  static void tell_of_helper() {
    std::error_code unknown;
    const auto bin = std::filesystem::read_symlink("/proc/self/exe", unknown).parent_path();
    const auto helper = bin.parent_path() / "share/fred/fred.py";
    if (!unknown && std::filesystem::exists(helper, unknown)) {
      fmt::print(stderr, "For fred's commands in gdb: source {}\n", helper.string());
    }
  }

  remote::StartRequest first_start() const {
    remote::StartRequest request;
    request.args = options_.command;
    request.by_shell = false;  // fred's own has expanded them
    return request;
  }

  Launch surroundings() {
    Launch launch;
    if (options_.stdio) {  // ours are gdb's
      nowhere_ = UniqueFd{open("/dev/null", O_RDONLY | O_CLOEXEC)};
      launch.standard = {nowhere_.get(), STDERR_FILENO, STDERR_FILENO};
    }
    return launch;
  }

  template <class Acceptor>
  void listen(Acceptor& acceptor) {
    close_on_exec(acceptor.native_handle());
    acceptor.async_accept([this, &acceptor](const boost::system::error_code& error, auto peer) {
      if (error) return;
      close_on_exec(peer.native_handle());
      const int on = 1;
      setsockopt(peer.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a Unix socket needs none
      auto in = duplicate(peer.native_handle()), out = duplicate(peer.native_handle());
      peer.close();
      serve(std::move(in), std::move(out));
      listen_again_ = [this, &acceptor] { listen(acceptor); };
    });
  }

  void serve(UniqueFd in, UniqueFd out) {
    connection_ = std::make_unique<remote::Connection>(io_, std::move(in), std::move(out), target_, options_.command,
                                                       [this] { gone(); });
  }

  /// gdb has gone.
  void gone() {
    program_goes_on_ = session_.has_program() && session_.is_detached();
    // Not from within the connection that is closed.
    asio::post(io_, [this] {
      connection_.reset();
      if (options_.once || options_.stdio || !listen_again_) {
        if (!program_goes_on_) session_.drop();
        end_if_done();
      } else {
        listen_again_();
      }
    });
  }

  void end_if_done() {
    if ((options_.once || options_.stdio) && !connection_ && !program_goes_on_) io_.stop();
  }

  void wait_for_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      // The terminal sends its SIGINT to the program as well, which is then debugged.
      if (signal == SIGINT && session_.has_program()) return wait_for_signals();
      session_.drop();
      io_.stop();
    });
  }

  const ServeOptions& options_;
  UniqueFd nowhere_;
  asio::io_context io_;  // no hint of one thread: handlers run handlers, and what the outer one has posted must be seen
  RecordedSession recorded_;
  Session& session_;
  remote::SessionTarget& target_;
  asio::signal_set signals_;
  std::optional<tcp::acceptor> tcp_acceptor_;
  std::optional<unix_stream::acceptor> unix_acceptor_;
  std::function<void()> listen_again_;
  std::unique_ptr<remote::Connection> connection_;
  bool listening_ = false;
  bool program_goes_on_ = false;  // detached: it is waited for
};

}  // namespace

int serve(const ServeOptions& options) { return Server(options).run(); }

}  // namespace fred
