// The session's end of the remote protocol: a socket for one gdb, which nobody else can reach. It is on the file system
// only until gdb has connected.
#pragma once
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "gdbmi/rsp/connection.h"

namespace fred {

class PrivateServer {
 public:
  PrivateServer(boost::asio::io_context& io, remote::Target& target, std::function<void()> closed)
      : io_(io), target_(target), closed_(std::move(closed)) {}
  ~PrivateServer() { remove_files(); }
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  Result<> listen();
  const std::string& folder() const { return folder_; }
  std::string socket() const { return folder_ + "/gdb"; }

 private:
  void remove_files();

  boost::asio::io_context& io_;
  remote::Target& target_;
  std::function<void()> closed_;
  std::string folder_;
  std::optional<boost::asio::local::stream_protocol::acceptor> acceptor_;
  std::unique_ptr<remote::Connection> connection_;
};

}  // namespace fred
