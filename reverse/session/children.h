// The engine processes that a session has started: none is left behind, as a process or as a zombie.
#pragma once
#include <sys/types.h>

#include <vector>

#include "core/control/peer.h"

namespace fred {

/// Kills by process id only those that are still there, so that the id cannot be another's.
class Children {
 public:
  Children() = default;
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children();

  /// Ends the process: its socket is closed, and it is killed (a worker that runs does not look at its socket).
  void end(Peer&& peer);
  /// Waits until all of those have ended. True: there were any.
  bool wait();

 private:
  /// Waits for those that have ended meanwhile.
  void reap();

  std::vector<pid_t> ending_;
};

}  // namespace fred
