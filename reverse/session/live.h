// The process that runs the program for real: it stands at the end of history, or runs and makes more of it.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "cli/process_list.h"
#include "reverse/session/snapshot_set.h"

namespace fred {

class Live {
 public:
  using Stopped = std::function<void(Result<Standing>)>;

  /// Snapshots that it leaves on its way go to `snapshots`, what it tells of its life and of its children to
  /// `processes`.
  Live(boost::asio::io_context& io, SnapshotSet& snapshots, ProcessList& processes, RecordedProcess& process, Peer peer,
       bool take_snapshots);
  ~Live();
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  Peer& peer() { return peer_; }
  bool running() const { return done_ != nullptr; }
  /// Called when a snapshot could not be taken for want of room.
  void on_no_room(std::function<void(const Error&)> handler) { on_no_room_ = std::move(handler); }
  /// Called when all threads of the program wait for each other for ever; it runs on, if one may say so.
  void on_deadlock(std::function<void(const std::string& who_waits)> handler) { on_deadlock_ = std::move(handler); }
  /// It goes on by itself, without being debugged; it is recorded. Only of one that stands.
  Peer let_go();
  /// The program goes on without being debugged.
  void stop_snapshots() { take_snapshots_ = false; }
  /// Takes one where it stands.
  Result<> snapshot_here(const Time& now);

  /// Sends a command that is answered by at_time, with no wait: `done` is called once, from the io_context, unless this
  /// object goes first.
  void run(Message command, Stopped done);
  /// What runs stops, and says so.
  void interrupt();

 private:
  void watch();
  void look();
  void take(const Message& m);
  void plan_snapshot();
  void add_snapshot(const Time& at, Peer peer, SnapshotSet::Duration fork_cost);
  void no_snapshot(const Error& why);
  void finish(Result<Standing> stopped);

  SnapshotSet& snapshots_;
  ProcessList& processes_;
  Peer peer_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer timer_;
  bool take_snapshots_;
  u64 faults_at_last_ = 0;
  std::optional<Peer::Pending> pending_;
  u32 tag_ = 0;  // of the command that runs
  std::function<void(const Error&)> on_no_room_;
  std::function<void(const std::string&)> on_deadlock_;
  Stopped done_;
  std::optional<Standing> stopped_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);  // handlers look whether this object is still there
};

}  // namespace fred
