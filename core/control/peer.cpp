#include "core/control/peer.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/control/value_bytes.h"
#include "core/signals/kernel_signals.h"

namespace fred {

namespace {

struct SocketPair {
  UniqueFd ours, theirs;
};
Result<SocketPair> make_sockets() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno(errno, "cannot make a control socket");
  }
  return SocketPair{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

}  // namespace

Result<u32> Peer::send(Message m, int descriptor) {
  m.tag = ++last_tag_;
  if (auto sent = send_message(socket(), m, descriptor); !sent) return std::unexpected(sent.error());
  return m.tag;
}

Result<Peer::Received> Peer::next_message() {
  for (;;) {
    int descriptor = -1;
    auto m = receive_message(socket(), &descriptor);
    UniqueFd kept{descriptor};
    if (!m) return std::unexpected(m.error());
    if (m->kind != MessageKind::more) return Received{std::move(*m), std::move(kept)};
    auto& text = parts_[m->tag];
    text.insert(text.end(), m->bytes().begin(), m->bytes().end());
  }
}

std::vector<u8> Peer::take_text(const Message& answer) {
  std::vector<u8> text;
  if (auto ahead = parts_.extract(answer.tag); !ahead.empty()) text = std::move(ahead.mapped());
  text.insert(text.end(), answer.bytes().begin(), answer.bytes().end());
  return text;
}

Result<Message> Peer::wait(u32 tag) {
  for (;;) {
    auto received = next_message();
    if (!received) return std::unexpected(received.error());
    auto* const m = &received->message;
    if (m->kind == MessageKind::diverged) {
      return fail(
          fmt::format("diverged at event {}, time {}:{:#x}: {}", m->number[0], m->number[1], m->number[2], m->text));
    }
    if (m->tag == tag) {
      if (m->kind == MessageKind::refused) return std::unexpected(Error{static_cast<int>(m->number[0]), m->text});
      return *m;
    }
    if (on_other_) on_other_(*m, std::move(received->descriptor));
  }
}

Standing Peer::standing_of(const Message& m) {
  Standing s{.time = m.time(),
             .reason = m.number[4],
             .event = m.number[5],
             .signal_or_status = m.number[6],
             .by_signal = m.number[7] != 0,
             .hits = {}};
  if (auto hits = hits_from(take_text(m))) s.hits = std::move(*hits);
  return s;
}

Result<Standing> Peer::wait_standing(u32 tag) {
  const auto answer = wait(tag);
  if (!answer) return std::unexpected(answer.error());
  return standing_of(*answer);
}

Result<Message> Peer::ask(Message m, int descriptor) {
  const auto tag = send(std::move(m), descriptor);
  if (!tag) return std::unexpected(tag.error());
  return wait(*tag);
}

bool Peer::drain() {
  while (message_waits(socket())) {
    auto received = next_message();
    if (!received) return false;
    if (on_other_) on_other_(received->message, std::move(received->descriptor));
  }
  return true;
}

void Peer::prod() const {
  siginfo_t info{};
  info.si_signo = control_signal;
  info.si_code = control_code;
  syscall(SYS_rt_sigqueueinfo, pid_, control_signal, &info);  // one that has gone is no error here
}

Result<> Peer::interrupt() {
  if (auto sent = send({.kind = MessageKind::interrupt}); !sent) return std::unexpected(sent.error());
  prod();
  return {};
}

Result<Peer> Peer::fork_of(MessageKind kind) {
  auto sockets = make_sockets();
  if (!sockets) return std::unexpected(sockets.error());
  const auto answer = ask({.kind = kind}, static_cast<int>(sockets->theirs.get()));
  if (!answer) return std::unexpected(answer.error());
  const u64 pid = answer->number[kind == MessageKind::snapshot ? 5 : 0];
  return Peer{static_cast<pid_t>(pid), std::move(sockets->ours)};
}

Result<Peer> Peer::snapshot() { return fork_of(MessageKind::snapshot); }
Result<Peer> Peer::worker() { return fork_of(MessageKind::worker); }

Result<Peer::Pending> Peer::ask_for_snapshot() {
  auto sockets = make_sockets();
  if (!sockets) return std::unexpected(sockets.error());
  const auto tag = send({.kind = MessageKind::snapshot}, static_cast<int>(sockets->theirs.get()));
  if (!tag) return std::unexpected(tag.error());
  prod();
  return Pending{std::move(sockets->ours), *tag};
}

Result<Standing> Peer::run_to(const Time& t) {
  Message m{.kind = MessageKind::run_to};
  m.set_time(t);
  return go(m);
}

Result<Standing> Peer::go(const Message& m) {
  const auto answer = ask(m);
  if (!answer) return std::unexpected(answer.error());
  return standing_of(*answer);
}

Result<Registers> Peer::registers(ThreadId thread) {
  const auto answer = ask({.kind = MessageKind::registers, .number = {static_cast<u64>(thread)}});
  if (!answer) return std::unexpected(answer.error());
  Registers r;
  if (answer->size != sizeof r) return fail_errno(EPROTO, "registers of another size");
  std::memcpy(&r, answer->text, sizeof r);
  return r;
}

Result<std::vector<u8>> Peer::vector_state(ThreadId thread) {
  const auto answer = ask({.kind = MessageKind::vector_state, .number = {static_cast<u64>(thread)}});
  if (!answer) return std::unexpected(answer.error());
  return std::vector<u8>(answer->bytes().begin(), answer->bytes().end());
}

Result<std::vector<u8>> Peer::memory(GuestAddr at, u64 size) {
  std::vector<u8> all;
  while (all.size() < size) {
    const u64 wanted = std::min<u64>(size - all.size(), Message::max_text);
    const auto answer = ask({.kind = MessageKind::read_memory, .number = {at.value + all.size(), wanted}});
    if (!answer) return std::unexpected(answer.error());
    all.insert(all.end(), answer->bytes().begin(), answer->bytes().end());
    if (answer->number[0] < wanted) break;
  }
  return all;
}

Result<> Peer::save(const std::string& path) {
  Message m{.kind = MessageKind::save};
  m.set_text(path);
  const auto answer = ask(m);
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Result<> Peer::set_break(GuestAddr at, bool on) {
  const auto answer = ask({.kind = on ? MessageKind::set_break : MessageKind::clear_break, .number = {at.value}});
  if (!answer) return std::unexpected(answer.error());
  return {};
}

}  // namespace fred
