#include "reverse/session/children.h"

#include <poll.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace fred {

Children::~Children() { wait(); }

bool Children::wait() {
  for (const pid_t pid : ending_) {
    while (waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
  }
  return !std::exchange(ending_, {}).empty();
}

void Children::end(Peer&& peer) {
  Peer ended = std::move(peer);
  if (!ended.is_open() || ended.pid() <= 0) return;
  // Of what an attached program has forked we are not the parent: whose socket is hung up may be another's id by now.
  pollfd socket{ended.socket(), POLLIN, 0};
  const bool gone = poll(&socket, 1, 0) == 1 && (socket.revents & POLLHUP) != 0;
  ended.close();
  if (!gone) kill(ended.pid(), SIGKILL);
  ending_.push_back(ended.pid());
  reap();
}

void Children::reap() {
  std::erase_if(ending_, [](pid_t pid) {
    const pid_t waited = waitpid(pid, nullptr, WNOHANG | __WALL);
    return waited == pid || (waited < 0 && errno == ECHILD);
  });
}

}  // namespace fred
