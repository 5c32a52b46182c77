// What goes over a control socket between the session and one of its engine processes: a datagram each way.
#pragma once
#include <span>
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

/// What `describe` can be asked for.
enum class GuestFact : u8 {
  auxv,            // text
  mappings,        // text, as in /proc/PID/maps
  exe,             // text: path
  args,            // text: as in /proc/PID/cmdline
  waiting_signal,  // number, 1 for a fault; text: siginfo_t
  system_call,     // number, 1 if it has just been made
  edited,          // a worker that was changed
  thread,          // id of the one that runs
  threads,         // text: value_bytes.h
};

/// Numbers mean what the row of commands.def says. Only `size` bytes of `text` travel; a byte 0 follows them.
struct Message {
  static constexpr u64 max_text = 16384;

  MessageKind kind{};
  u32 tag = 0;  // a report has that of the command which it answers
  u32 pid = 0;  // of the sender, as it sees itself; as the receiver does after name_senders()
  u32 size = 0;
  u64 number[8] = {};
  char text[max_text + 1] = {};

  void set_text(std::string_view t);
  void set_bytes(std::span<const u8> bytes) { set_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()}); }
  std::span<const u8> bytes() const { return {reinterpret_cast<const u8*>(text), size}; }

  /// A Time in number[0] to number[3].
  void set_time(const Time& time);
  Time time() const;
};

/// Sends one message, with a descriptor if `descriptor` is not -1; a peer that is gone is an error.
Result<> send_message(int socket, const Message& message, int descriptor = -1);
/// What is sent to this end from now on has the kernel's word for the sender's id, also from another pid namespace.
void name_senders(int socket);
/// Waits for a message. An Error with code 0 means that the peer has closed. A descriptor that comes with it goes
/// to `descriptor` (-1 if there is none), or is closed.
Result<Message> receive_message(int socket, int* descriptor = nullptr);
/// Is there something to receive (or to learn that the peer has closed)?
bool message_waits(int socket);

}  // namespace fred
