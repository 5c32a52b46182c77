// One command of time travel: it can be interrupted, and shows how far it is.
#pragma once
#include <fcntl.h>

#include <chrono>
#include <stop_token>
#include <string>

#include "gdbmi/travel/recorded_session.h"

namespace fred {

class RecordedSession::Operation {
 public:
  Operation(RecordedSession& session, Progress& progress)
      : session_(session),
        progress_(progress),
        from_(session.session_.position()),
        interrupted_(session.io_, fcntl(progress.interrupted_descriptor(), F_DUPFD_CLOEXEC, 3)),
        clock_(session.io_) {
    tick();
    session_.history_->timeline->set_stop_token(stop_.get_token());
    interrupted_.async_wait(asio::posix::stream_descriptor::wait_read,
                            [this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
                              if (error || alive.expired()) return;
                              stop_.request_stop();
                              session_.session_.interrupt();
                            });
  }
  /// The target stays where it is now; gdb is to be told later, if that is elsewhere.
  ~Operation() {
    session_.target_.moved();
    session_.history_->timeline->set_stop_token({});
    if (session_.session_.position() != from_) session_.shown_ = from_;
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  const Time& from() const { return from_; }
  std::stop_token token() const { return stop_.get_token(); }
  /// "12 probes"; shown from time to time while the operation lasts.
  void show(std::string_view what) {
    what_ = what;
    if (!progress_.go_on(-1, what_)) stop_.request_stop();
  }
  /// What failed leaves the target where it was.
  std::unexpected<Error> undo(const Error& error) {
    (void)session_.session_.go_to(from_);
    if (error.code == EINTR) return fail("Interrupted; nothing has moved.");
    return std::unexpected(error);
  }

 private:
  void tick() {
    clock_.expires_after(std::chrono::milliseconds(100));
    clock_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
      if (error || alive.expired()) return;
      show(what_);
      tick();
    });
  }

  RecordedSession& session_;
  Progress& progress_;
  Time from_;
  std::stop_source stop_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  asio::posix::stream_descriptor interrupted_;
  asio::steady_timer clock_;
  std::string what_ = "searching";
};

}  // namespace fred
