// Waiting for an engine process without losing sight of everything else.
#pragma once
#include <boost/asio/io_context.hpp>

#include "core/control/peer.h"

namespace fred {

/// A command that takes time is waited for by running the handlers of the io_context, so that an interrupt can come
/// in by one of them. Not reentrant: those handlers cannot have a second command waited for.
class Attention {
 public:
  explicit Attention(boost::asio::io_context& io) : io_(io) {}

  /// Waits until the process has something to say.
  Result<> wait_readable(Peer& peer);
  /// Sends a command and waits for its answer.
  Result<Message> ask(Peer& peer, Message m);
  /// The same for what is answered by at_time.
  Result<Standing> go(Peer& peer, Message m);

  /// Stops the command that is waited for, and all further ones until begin().
  void interrupt();
  /// A new operation, of one or more commands, begins: earlier interrupts do not concern it.
  void begin() { interrupted_ = false; }
  bool interrupted() const { return interrupted_; }
  bool busy() const { return peer_ != nullptr; }

 private:
  boost::asio::io_context& io_;
  Peer* peer_ = nullptr;
  bool interrupted_ = false;
};

}  // namespace fred
