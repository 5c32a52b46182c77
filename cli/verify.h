// Verification of a recording: workers re-execute every process of it and compare at each event.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/engine_process.h"
#include "cli/process_list.h"

namespace fred {

/// A snapshot of the first process.
struct RecordedSnapshot {
  Peer peer;
  u64 event = 0;  // the number of the next event
};

/// Ends an engine process and waits until it has gone. Only for the session's own children.
void end_and_wait(Peer& peer);

class Verifier {
 public:
  /// `live`: how the first process was started. `state`: workers do not come from its first snapshot but start from
  /// this serialised state; empty: they do.
  Verifier(EngineCommand live, std::string state, const ProcessList& processes)
      : live_(std::move(live)), state_(std::move(state)), processes_(processes) {}

  /// False: not everything has been re-executed; diverged() says why, if that is a divergence.
  bool run(std::vector<RecordedSnapshot>& snapshots);

  const std::optional<Message>& diverged() const { return diverged_; }
  /// Why it has not got to its end, where that is no divergence.
  const std::string& error() const { return error_; }
  /// One line, with its end.
  std::string result() const;

 private:
  struct Position {
    u32 process = 1;
    u64 event = 0;
  };
  bool verify_to(Peer& worker, Position& at, u64 event);
  bool verify_rest(Peer& worker, Position at, u64 until);
  bool verify_child(Peer& parent, const RecordedProcess& child);
  bool failed(const Error& error, const RecordedProcess& process);
  Result<Peer> engine_worker(const std::string& mode, const std::string& option) const;

  EngineCommand live_;
  std::string state_;
  const ProcessList& processes_;
  std::optional<Message> diverged_;
  std::string error_ = "the re-execution ended before it could say how it went";
  u32 diverged_process_ = 1;
  u64 events_ = 0, ticks_ = 0, nanoseconds_ = 0, verified_processes_ = 1;
};

}  // namespace fred
