#include "gdbmi/rsp/connection.h"

#include <boost/asio/write.hpp>

namespace fred::remote {

namespace asio = boost::asio;

namespace {
const std::string interrupt_item = "\x03";
}  // namespace

Connection::Connection(asio::io_context& io, UniqueFd in, UniqueFd out, Target& target,
                       std::vector<std::string> command, std::function<void()> closed)
    : in_(io, in.release()),
      out_(io, out.release()),
      closed_(std::move(closed)),
      server_(target, std::move(command), [this](const std::string& data) { send(data); }) {
  server_.on_no_acknowledgements([this] {
    acknowledge_ = false;
    reader_.ignore_checksums();
  });
  read();
}

Connection::~Connection() = default;

void Connection::read() {
  in_.async_read_some(asio::buffer(buffer_),
                      [this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error, std::size_t size) {
                        if (alive.expired()) return;
                        if (error) {
                          server_.disconnected();
                          if (closed_) closed_();
                          return;
                        }
                        reader_.feed({buffer_.data(), size});
                        read();  // first of all: carrying a packet out may take long
                        sort_in();
                        work();
                      });
}

void Connection::sort_in() {
  while (const auto received = reader_.next()) {
    switch (*received) {
      case Received::packet:
        if (acknowledge_) write("+");
        packets_.push_back(reader_.packet());
        break;
      case Received::damaged:
        if (acknowledge_) write("-");
        break;
      case Received::acknowledged:
        break;
      case Received::sent_wrongly:
        if (acknowledge_) write(last_sent_);
        break;
      case Received::interrupt:
        if (packets_.empty()) {
          server_.interrupt();
        } else {
          packets_.push_back(interrupt_item);  // concerns what comes before it
        }
        break;
    }
  }
}

void Connection::work() {
  if (working_) return;
  working_ = true;
  const std::weak_ptr alive(alive_);
  while (!packets_.empty()) {
    const auto data = std::move(packets_.front());
    packets_.pop_front();
    if (data == interrupt_item) {
      server_.interrupt();
    } else {
      server_.take(parse_packet(data));
    }
    if (alive.expired()) return;  // that was the end of this connection
  }
  working_ = false;
}

void Connection::send(const std::string& data) {
  last_sent_ = frame(data);
  write(last_sent_);
}

void Connection::write(std::string bytes) {
  outgoing_ += bytes;
  flush();
}

void Connection::flush() {
  if (!being_written_.empty()) return;
  if (outgoing_.empty()) {
    if (auto sent = std::exchange(sent_, nullptr)) sent();
    return;
  }
  being_written_.swap(outgoing_);
  asio::async_write(out_, asio::buffer(being_written_),
                    [this, alive = std::weak_ptr(alive_)](const boost::system::error_code&, std::size_t) {
                      if (alive.expired()) return;
                      being_written_.clear();  // what cannot be written: reading finds out that gdb has gone
                      flush();
                    });
}

void Connection::when_sent(std::function<void()> done) {
  sent_ = std::move(done);
  flush();
}

}  // namespace fred::remote
