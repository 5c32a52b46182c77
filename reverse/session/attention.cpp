#include "reverse/session/attention.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

namespace fred {

namespace asio = boost::asio;

Result<> Attention::wait_readable(Peer& peer) {
  const int socket = peer.socket();
  if (message_waits(socket)) return {};
  peer_ = &peer;
  asio::posix::stream_descriptor descriptor(io_, socket);
  bool done = false;
  descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                        [&done](const boost::system::error_code&) { done = true; });
  while (!done && io_.run_one() != 0) {
  }
  const bool stopped = !done;
  peer_ = nullptr;
  descriptor.release();  // the Peer owns it
  if (!stopped) return {};
  // The program ends. The handler refers to this frame: it must have run before we leave.
  io_.restart();
  while (!done && io_.run_one() != 0) {
  }
  io_.stop();
  return std::unexpected(Error{ECANCELED, "fred ends"});
}

Result<Message> Attention::ask(Peer& peer, Message m) {
  if (busy()) return fail_errno(EBUSY, "another search is under way");
  if (interrupted_) return std::unexpected(Error{EINTR, "interrupted"});
  const auto tag = peer.send(std::move(m));
  if (!tag) return std::unexpected(tag.error());
  const auto readable = wait_readable(peer);
  if (!readable) return std::unexpected(readable.error());
  return peer.wait(*tag);
}

Result<Standing> Attention::go(Peer& peer, Message m) {
  const auto answer = ask(peer, std::move(m));
  if (!answer) return std::unexpected(answer.error());
  return peer.standing_of(*answer);
}

void Attention::interrupt() {
  interrupted_ = true;
  if (peer_ != nullptr) (void)peer_->interrupt();  // one that has gone answers by being gone
}

}  // namespace fred
