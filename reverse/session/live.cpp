#include "reverse/session/live.h"

#include <boost/asio/post.hpp>
#include <ctime>

namespace fred {

namespace asio = boost::asio;

Live::Live(asio::io_context& io, SnapshotSet& snapshots, Peer peer, bool take_snapshots)
    : snapshots_(snapshots),
      peer_(std::move(peer)),
      socket_(io, peer_.socket()),
      timer_(io),
      take_snapshots_(take_snapshots) {
  peer_.on_other([this](const Message& m) { take(m); });
}

Live::~Live() { socket_.release(); }  // the Peer owns it

Result<> Live::snapshot_here(const Time& now) {
  auto peer = peer_.snapshot();
  if (!peer) return std::unexpected(peer.error());
  snapshots_.add({.time = now, .peer = std::move(*peer)});
  return {};
}

void Live::run(Message command, Stopped done) {
  done_ = std::move(done);
  const auto tag = peer_.send(std::move(command));
  if (!tag) {
    asio::post(socket_.get_executor(), [this, alive = std::weak_ptr(alive_), error = tag.error()] {
      if (!alive.expired()) finish(std::unexpected(error));
    });
    return;
  }
  tag_ = *tag;
  watch();
  plan_snapshot(budget_.next());
}

void Live::interrupt() {
  if (running()) (void)peer_.interrupt();  // one that has gone is noticed by its socket
}

void Live::watch() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
                       if (!alive.expired() && !error && running()) look();
                     });
}

void Live::look() {
  peer_.drain();
  if (stopped_) {
    finish(*std::exchange(stopped_, std::nullopt));
  } else if (message_waits(peer_.socket())) {  // what could not be received: the end
    finish(fail("the program's process has gone"));
  } else {
    watch();
  }
}

void Live::take(const Message& m) {
  if (pending_ && m.tag == pending_->tag) {
    if (m.kind == MessageKind::snapshot_taken) {
      snapshots_.add({.time = m.time(), .peer = Peer{static_cast<pid_t>(m.number[5]), std::move(pending_->socket)}});
      budget_.taken(m.number[6]);
    }
    pending_.reset();
  } else if (m.tag == tag_ && m.kind == MessageKind::at_time) {
    stopped_ = peer_.standing_of(m);
  }
}

void Live::plan_snapshot(SnapshotBudget::Duration after) {
  if (!take_snapshots_) return;
  timer_.expires_after(after);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (alive.expired() || error || !running()) return;
    const auto since = used() - used_at_last_;
    if (since < budget_.next()) return plan_snapshot(budget_.next() - since);
    if (!pending_) {
      if (auto pending = peer_.ask_for_snapshot()) pending_ = std::move(*pending);
    }
    used_at_last_ += since;
    plan_snapshot(budget_.next());
  });
}

SnapshotBudget::Duration Live::used() const {
  clockid_t clock{};
  timespec t{};
  if (clock_getcpuclockid(peer_.pid(), &clock) != 0 || clock_gettime(clock, &t) != 0) return {};
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

void Live::finish(Result<Standing> stopped) {
  timer_.cancel();
  if (auto done = std::exchange(done_, nullptr)) done(std::move(stopped));
}

}  // namespace fred
