// A remote target that walks on a Trace: just enough of the protocol for gdb's command line to work on it.
#pragma once
#include <array>
#include <optional>
#include <set>
#include <string>

#include "gdbmi/asio.h"
#include "tests/sessions/fake/trace.h"

#include <boost/asio/local/stream_protocol.hpp>

namespace fred::test {

class Target {
 public:
  /// Listens on a Unix socket at `path`.
  Target(asio::io_context& io, const Trace& trace, const std::string& path);

  u64 position() const { return position_; }
  u64 tip() const { return tip_; }
  void move(u64 step) { position_ = step; }
  /// The next bs or bc ends there.
  void next_stop(u64 step) { next_stop_ = step; }

 private:
  void accept();
  void read_more();
  void take();
  void reply(const std::string& packet);
  std::string answer(const std::string& packet);
  std::string registers() const;
  std::string memory(const std::string& arguments) const;
  std::string go(bool backwards, bool one);

  const Trace& trace_;
  asio::local::stream_protocol::acceptor acceptor_;
  asio::local::stream_protocol::socket socket_;
  std::array<char, 4096> chunk_{};
  std::string input_;
  std::set<u64> breaks_;
  u64 position_ = 0, tip_ = 0;
  std::optional<u64> next_stop_;
};

}  // namespace fred::test
