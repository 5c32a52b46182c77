// Messages over a socket: what is heard of a side that has gone, and who has sent one.
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "core/control/message.h"
#include "core/control/peer.h"
#include "test.h"

namespace fred {

TEST_CASE("message: the last word of a side that has gone is heard, although it left something unread") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
  REQUIRE(send_message(ends[0], {.kind = MessageKind::snapshot}));
  REQUIRE(send_message(ends[1], {.kind = MessageKind::ended}));
  close(ends[1]);
  const auto last = receive_message(ends[0]);
  REQUIRE(last);
  CHECK(last->kind == MessageKind::ended);
  CHECK(!receive_message(ends[0]));
  close(ends[0]);
}

TEST_CASE("message: a side that says something just when all before was taken has not gone") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
  constexpr u64 all = 20'000;
  std::jthread other([end = ends[1]] {
    for (u64 i = 1; i <= all; ++i) (void)send_message(end, {.kind = MessageKind::deadlock, .number = {i}});
    close(end);
  });
  Peer peer{getpid(), UniqueFd{ends[0]}};
  u64 heard = 0;
  peer.on_other([&](const Message& m, UniqueFd) { heard = m.number[0]; });
  while (peer.drain()) {
  }
  CHECK(heard == all);
}

TEST_CASE("message: a sender in another pid namespace is named as the receiver sees it") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
  name_senders(ends[0]);
  const auto child = static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
  if (child == 0) {
    (void)send_message(ends[1], {.kind = MessageKind::started, .pid = static_cast<u32>(getpid())});
    _exit(0);
  }
  if (child < 0) return;  // there are no namespaces to be had here
  const auto said = receive_message(ends[0]);
  REQUIRE(said);
  CHECK(said->pid == static_cast<u32>(child));
  int descriptor = -1;
  REQUIRE(send_message(ends[1], {.kind = MessageKind::started}, ends[1]));
  CHECK(receive_message(ends[0], &descriptor));
  CHECK(descriptor >= 0);
  CHECK(waitpid(child, nullptr, 0) == child);
  for (const int fd : {ends[0], ends[1], descriptor}) close(fd);
}

}  // namespace fred
