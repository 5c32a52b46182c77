#include "core/control/message.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fred {

std::string_view to_string(MessageKind kind) {
  switch (kind) {
#define COMMAND(name, text) \
  case MessageKind::name: return #name;
#define REPORT(name, text) COMMAND(name, text)
#include "core/control/commands.def"
#undef COMMAND
#undef REPORT
  }
  return "unknown";
}

void Message::set_text(std::string_view t) {
  const auto size = std::min(t.size(), sizeof text - 1);
  std::memcpy(text, t.data(), size);
  text[size] = '\0';
}

Result<> send_message(int socket, const Message& message) {
  for (;;) {
    const auto n = send(socket, &message, sizeof message, MSG_NOSIGNAL);
    if (n == static_cast<ssize_t>(sizeof message)) return {};
    if (n < 0 && errno == EINTR) continue;
    return fail_errno(errno, "cannot reach the session");
  }
}

Result<Message> receive_message(int socket) {
  for (;;) {
    Message m;
    const auto n = recv(socket, &m, sizeof m, 0);
    if (n == static_cast<ssize_t>(sizeof m)) return m;
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) return fail("the session has ended");
    return fail_errno(n < 0 ? errno : EPROTO, "cannot hear the session");
  }
}

}  // namespace fred
