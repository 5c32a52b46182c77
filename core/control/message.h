// What goes over the control socket between the front end and its engine processes: one datagram each way.
#pragma once
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"

namespace fred {

enum class MessageKind : u32 {
#define COMMAND(name, text) name,
#define REPORT(name, text) name,
#include "core/control/commands.def"
#undef COMMAND
#undef REPORT
};
std::string_view to_string(MessageKind kind);

/// Numbers mean what the row of commands.def says; `text` is NUL-terminated.
struct Message {
  MessageKind kind{};
  u32 pid = 0;  // of the sender
  u64 number[6] = {};
  char text[1024] = {};

  void set_text(std::string_view t);
};

/// Sends one message; a peer that is gone is an error.
Result<> send_message(int socket, const Message& message);
/// Waits for a message. nullopt-like: an Error with code 0 means that the peer has closed.
Result<Message> receive_message(int socket);

}  // namespace fred
