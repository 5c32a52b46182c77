#include "core/control/message.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace fred {

namespace {
constexpr u64 fixed_part = offsetof(Message, text);

/// Room for one descriptor beside a message, and for who has sent it.
struct alignas(cmsghdr) Attachment {
  char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))] = {};
};
}  // namespace

namespace {
/// True: try again. The session's event loop makes its sockets non-blocking; commands still wait.
bool wait_if_not_ready(int socket, int error, short event) {
  if (error != EAGAIN) return error == EINTR;
  pollfd p{.fd = socket, .events = event, .revents = 0};
  return poll(&p, 1, -1) >= 0 || errno == EINTR;
}
}  // namespace

std::string_view to_string(MessageKind kind) {
  switch (kind) {
#define COMMAND(name, text) \
  case MessageKind::name:   \
    return #name;
#define REPORT(name, text) COMMAND(name, text)
#include "core/control/commands.def"
#undef COMMAND
#undef REPORT
  }
  return "unknown";
}

void Message::set_text(std::string_view t) {
  size = static_cast<u32>(std::min<u64>(t.size(), max_text));
  t.copy(text, size);
  text[size] = '\0';
}

void Message::set_time(const Time& time) {
  number[0] = time.ticks;
  number[1] = time.pc.value;
  number[2] = time.rest;
  number[3] = time.phase;
}

Time Message::time() const {
  return {.ticks = number[0], .pc = GuestAddr{number[1]}, .rest = number[2], .phase = static_cast<u8>(number[3])};
}

Result<> send_message(int socket, const Message& message, int descriptor) {
  iovec data{const_cast<Message*>(&message), fixed_part + message.size};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  Attachment attachment;
  if (descriptor >= 0) {
    header.msg_control = &attachment;
    header.msg_controllen = CMSG_SPACE(sizeof descriptor);
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  }
  for (;;) {
    if (sendmsg(socket, &header, MSG_NOSIGNAL) >= 0) return {};
    const int error = errno;
    if (!wait_if_not_ready(socket, error, POLLOUT)) return fail_errno(error, "cannot reach the other side");
  }
}

Result<Message> receive_message(int socket, int* descriptor) {
  if (descriptor != nullptr) *descriptor = -1;
  Message m;
  iovec data{&m, sizeof m - 1};
  Attachment attachment;
  for (;;) {
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = &attachment;
    header.msg_controllen = sizeof attachment;
    const auto n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    if (n < 0) {
      const int error = errno;
      if (wait_if_not_ready(socket, error, POLLIN)) continue;
      // The other side has gone without reading all that it was sent. The kernel says so once, and before what the
      // other side had sent itself: that it has ended, perhaps.
      if (error == ECONNRESET) continue;
      return fail_errno(error, "cannot hear the other side");
    }
    if (n == 0) return fail("the other side has closed");
    pid_t named = 0;
    for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != SOL_SOCKET) continue;
      if (c->cmsg_type == SCM_CREDENTIALS) {
        ucred sender;
        std::memcpy(&sender, CMSG_DATA(c), sizeof sender);
        named = sender.pid;
      }
      if (c->cmsg_type != SCM_RIGHTS) continue;
      int fd;
      std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
      if (descriptor != nullptr && *descriptor < 0) {
        *descriptor = fd;
      } else {
        close(fd);
      }
    }
    if (static_cast<u64>(n) < fixed_part || static_cast<u64>(n) != fixed_part + m.size) {
      return fail_errno(EPROTO, "a damaged message");
    }
    m.text[m.size] = '\0';
    if (named > 0) m.pid = static_cast<u32>(named);
    return m;
  }
}

void name_senders(int socket) {
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}

bool message_waits(int socket) {
  pollfd p{.fd = socket, .events = POLLIN, .revents = 0};
  return poll(&p, 1, 0) == 1;
}

}  // namespace fred
