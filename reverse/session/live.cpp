#include "reverse/session/live.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "reverse/session/run_cost.h"

namespace fred {

namespace asio = boost::asio;

namespace {
/// How often a program that runs is looked at.
constexpr std::chrono::milliseconds looks_every{10};
/// A copy of a page after a fork (measured: 5 to 20 µs where memory is virtualised).
constexpr std::chrono::microseconds cost_of_copy{7};
}  // namespace

Live::Live(asio::io_context& io, SnapshotSet& snapshots, ProcessList& processes, RecordedProcess& process, Peer peer,
           bool take_snapshots)
    : snapshots_(snapshots),
      processes_(processes),
      peer_(std::move(peer)),
      socket_(io, peer_.socket()),
      timer_(io),
      take_snapshots_(take_snapshots) {
  peer_.on_other([this, &process](const Message& m, UniqueFd socket) {
    if (!processes_.take(m, std::move(socket), process)) take(m);
  });
}

Live::~Live() { socket_.release(); }  // the Peer owns it

Peer Live::let_go() {
  (void)peer_.set_conditions({});  // one that has gone is noticed by its socket
  (void)peer_.run_alone(0, false);
  (void)peer_.send({.kind = MessageKind::resume});
  pending_.reset();
  return std::exchange(peer_, Peer{});
}

Result<> Live::snapshot_here(const Time& now) {
  const auto begin = std::chrono::steady_clock::now();
  auto peer = peer_.snapshot();
  if (!peer) return std::unexpected(peer.error());
  add_snapshot(now, std::move(*peer), std::chrono::steady_clock::now() - begin);
  return {};
}

void Live::add_snapshot(const Time& at, Peer peer, SnapshotSet::Duration fork_cost) {
  const auto cost = run_cost(peer_.pid());
  faults_at_last_ = cost.faults;
  snapshots_.add(at, std::move(peer), cost.processor_time, fork_cost);
}

void Live::no_snapshot(const Error& why) {
  if (why.code == ECHILD) take_snapshots_ = false;  // never here: workers will leave some
  if (!is_no_room(why)) return;                     // not just now
  snapshots_.not_taken(run_cost(peer_.pid()).processor_time);
  if (on_no_room_) on_no_room_(why);
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
  plan_snapshot();
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
  const bool there = peer_.drain();
  if (stopped_) {
    finish(*std::exchange(stopped_, std::nullopt));
  } else if (!there) {
    finish(fail("the program's process has gone"));
  } else {
    watch();
  }
}

void Live::take(const Message& m) {
  if (pending_ && m.tag == pending_->tag) {
    if (m.kind == MessageKind::snapshot_taken) {
      add_snapshot(m.time(), Peer{static_cast<pid_t>(m.number[5]), std::move(pending_->socket)},
                   std::chrono::nanoseconds{m.number[6]});
    } else if (m.kind == MessageKind::refused) {
      no_snapshot({static_cast<int>(m.number[0]), m.text});
    }
    pending_.reset();
  } else if (m.tag == tag_ && m.kind == MessageKind::at_time) {
    stopped_ = peer_.standing_of(m);
  } else if (m.kind == MessageKind::deadlock && running() && on_deadlock_) {
    on_deadlock_(m.text);
  }
}

void Live::plan_snapshot() {
  if (!take_snapshots_) return;
  timer_.expires_after(looks_every);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (alive.expired() || error || !running()) return;
    const auto cost = run_cost(peer_.pid());
    if (!pending_) {
      const u64 copies = cost.faults - std::min(cost.faults, faults_at_last_);
      snapshots_.note_copying(copies * cost_of_copy, copies * page_size);
      if (snapshots_.policy().due(cost.processor_time)) {
        if (auto pending = peer_.ask_for_snapshot()) {
          pending_ = std::move(*pending);
        } else {
          no_snapshot(pending.error());
        }
      }
    }
    plan_snapshot();
  });
}

void Live::finish(Result<Standing> stopped) {
  timer_.cancel();
  if (auto done = std::exchange(done_, nullptr)) done(std::move(stopped));
}

}  // namespace fred
