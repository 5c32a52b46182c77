#include "cli/attach/leave.h"

#include <poll.h>

#include <chrono>
#include <set>

namespace fred {

void leave(Peer&& live, const RecordingFolder& folder) {
  Peer gone = std::move(live);
  if (!gone.is_open()) return;
  (void)gone.send({.kind = MessageKind::leave});
  folder.bid_farewell(gone.pid());
  // Until it has left it works in the folder of the recording, which may go next.
  pollfd socket{gone.socket(), POLLIN, 0};
  while (poll(&socket, 1, std::chrono::milliseconds(longest_leave).count()) == 1 && receive_message(socket.fd)) {
  }
}

void leave(ProcessList& processes, const RecordingFolder& folder) {
  const auto until = std::chrono::steady_clock::now() + longest_leave;
  std::set<u32> told;
  while (processes.any_running() && std::chrono::steady_clock::now() < until) {
    processes.wait_for_beginnings();
    for (const auto& p : processes.all()) {
      if (p->gone || p->taken || !told.insert(p->place.number).second) continue;
      p->unrecorded = p->peer.send({.kind = MessageKind::leave}).has_value();
      folder.bid_farewell(p->pid);
    }
    std::vector<pollfd> sources;
    processes.add_sources(sources);
    constexpr int look_again_ms = 100;
    (void)poll(sources.data(), sources.size(), look_again_ms);
    processes.drain();
  }
}

}  // namespace fred
