#include "tests/sessions/fake/target.h"

#include <fmt/format.h>

#include <numeric>
#include <string_view>

namespace fred::test {

namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<u8>(c));
  return text;
}

template <class T>
std::string little(T value) {
  return hex({reinterpret_cast<const char*>(&value), sizeof value});
}

}  // namespace

Target::Target(asio::io_context& io, const Trace& trace, const std::string& path)
    : trace_(trace), acceptor_(io, asio::local::stream_protocol::endpoint(path)), socket_(io) {
  accept();
}

void Target::accept() {
  acceptor_.async_accept(socket_, [this](boost::system::error_code error) {
    if (!error) read_more();
  });
}

void Target::read_more() {
  socket_.async_read_some(asio::buffer(chunk_), [this](boost::system::error_code error, std::size_t n) {
    if (error) return;
    input_.append(chunk_.data(), n);
    take();
    read_more();
  });
}

void Target::take() {
  for (;;) {
    const auto begin = input_.find('$');
    const auto end = input_.find('#', begin);
    if (begin == std::string::npos || end == std::string::npos || input_.size() < end + 3) {
      if (begin == std::string::npos) input_.clear();  // acknowledgements, interrupts
      return;
    }
    const auto packet = input_.substr(begin + 1, end - begin - 1);
    input_.erase(0, end + 3);
    boost::system::error_code ignored;
    asio::write(socket_, asio::buffer("+", 1), ignored);
    reply(answer(packet));
  }
}

void Target::reply(const std::string& packet) {
  const auto sum =
      std::accumulate(packet.begin(), packet.end(), 0U, [](unsigned s, char c) { return s + static_cast<u8>(c); });
  boost::system::error_code ignored;
  asio::write(socket_, asio::buffer(fmt::format("${}#{:02x}", packet, sum & 0xff)), ignored);
}

std::string Target::answer(const std::string& packet) {
  if (packet.starts_with("qSupported")) return "PacketSize=4000;ReverseStep+;ReverseContinue+";
  if (packet == "?") return "T05thread:1;";
  if (packet == "qC") return "QC1";
  if (packet == "qfThreadInfo") return "m1";
  if (packet == "qsThreadInfo") return "l";
  if (packet == "qAttached") return "0";
  if (packet.starts_with("H") || packet.starts_with("T")) return "OK";
  if (packet == "g") return registers();
  if (packet.starts_with("m")) return memory(packet.substr(1));
  if (packet.starts_with("Z0,") || packet.starts_with("z0,")) {
    const u64 at = std::stoull(packet.substr(3), nullptr, 16);
    if (packet[0] == 'Z') {
      breaks_.insert(at);
    } else {
      breaks_.erase(at);
    }
    return "OK";
  }
  if (packet == "bs") return go(true, true);
  if (packet == "bc") return go(true, false);
  if (packet.starts_with("s")) return go(false, true);
  if (packet.starts_with("c")) return go(false, false);
  if (packet == "D" || packet == "k") return "OK";
  return "";
}

/// As gdb has them without a description: the general ones, and zeros for the rest.
std::string Target::registers() const {
  const auto& r = trace_.registers(position_);
  std::string all;
  for (const u64 v : {r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13,
                      r.r14, r.r15, r.rip}) {
    all += little(v);
  }
  for (const u64 v : {r.eflags, r.cs, r.ss, r.ds, r.es, r.fs, r.gs}) all += little(static_cast<u32>(v));
  return all + std::string(2 * (8 * 10 + 8 * 4 + 16 * 16 + 4), '0');
}

std::string Target::memory(const std::string& arguments) const {
  const auto comma = arguments.find(',');
  std::string bytes;
  if (!trace_.read(position_, std::stoull(arguments, nullptr, 16),
                   std::stoull(arguments.substr(comma + 1), nullptr, 16), bytes)) {
    return "E01";
  }
  return hex(bytes);
}

std::string Target::go(bool backwards, bool one) {
  if (backwards && next_stop_) {
    position_ = *std::exchange(next_stop_, std::nullopt);
    return "T05thread:1;";
  }
  for (;;) {
    if (position_ == (backwards ? 0 : trace_.size() - 1)) {
      return fmt::format("T05thread:1;replaylog:{};", backwards ? "begin" : "end");
    }
    position_ += backwards ? -1 : 1;
    tip_ = std::max(tip_, position_);
    if (one || breaks_.contains(trace_.registers(position_).rip)) return "T05thread:1;";
  }
}

}  // namespace fred::test
