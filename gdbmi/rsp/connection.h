// The wire between one gdb and the server: a socket, or a pair of pipes.
#pragma once
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "gdbmi/rsp/framing.h"
#include "gdbmi/rsp/server.h"

namespace fred::remote {

/// Packets are taken one after another. While one is carried out, handlers of the io_context may run (a search waits
/// that way), so an interrupt is heard at any time.
class Connection {
 public:
  /// `in` and `out` (two descriptors, of one socket or of two pipes) are closed with this object. `closed` is called
  /// when gdb has gone.
  Connection(boost::asio::io_context& io, UniqueFd in, UniqueFd out, Target& target, std::vector<std::string> command,
             std::function<void()> closed);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Server& server() { return server_; }
  /// Calls `done` when everything has been sent.
  void when_sent(std::function<void()> done);

 private:
  void read();
  void sort_in();
  void work();
  void send(const std::string& data);
  void write(std::string bytes);
  void flush();

  boost::asio::posix::stream_descriptor in_, out_;
  std::function<void()> closed_, sent_;
  Server server_;
  FrameReader reader_;
  std::array<char, 65536> buffer_;
  std::deque<std::string> packets_;  // waiting to be carried out; "\x03" is an interrupt
  bool working_ = false;
  bool acknowledge_ = true;
  std::string last_sent_;
  std::string outgoing_, being_written_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace fred::remote
