// Messages over a socket: what is heard of a side that has gone.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/control/message.h"

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

}  // namespace fred
