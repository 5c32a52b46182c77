// Sockets of the Unix and the loopback domain: streams, datagrams, names, options, errors.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "common.h"

static void unix_stream(void) {
  char buffer[64];
  const int server = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"}, peer;
  MUST(bind(server, (struct sockaddr*)&name, sizeof name));
  CHECK_ERR(bind(server, (struct sockaddr*)&name, sizeof name), EADDRINUSE);
  MUST(listen(server, 5));
  const int client = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
  MUST(connect(client, (struct sockaddr*)&name, sizeof name));
  socklen_t length = sizeof peer;
  const int accepted = MUST(accept4(server, (struct sockaddr*)&peer, &length, SOCK_NONBLOCK));
  CHECK_EQ(length, 2);
  CHECK_ERR(recv(accepted, buffer, 1, 0), EAGAIN);
  CHECK_EQ(send(client, "hello", 5, MSG_NOSIGNAL), 5);
  CHECK_EQ(recv(accepted, buffer, 3, MSG_PEEK), 3);
  CHECK_EQ(recv(accepted, buffer, 64, 0), 5);
  length = sizeof peer;
  MUST(getpeername(client, (struct sockaddr*)&peer, &length));
  CHECK(strcmp(peer.sun_path, "socket") == 0);
  length = 4;  // cut off
  MUST(getsockname(server, (struct sockaddr*)&peer, &length));
  CHECK_EQ(length, offsetof(struct sockaddr_un, sun_path) + 7);
  struct ucred credentials;
  length = sizeof credentials;
  MUST(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &credentials, &length));
  CHECK_EQ(credentials.pid, getpid());
  MUST(shutdown(client, SHUT_WR));
  CHECK_EQ(recv(accepted, buffer, 64, 0), 0);
  close(client);
  CHECK_ERR(send(accepted, "x", 1, MSG_NOSIGNAL), EPIPE);
  close(accepted), close(server);
  CHECK_ERR(connect(MUST(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr*)&name, sizeof name), ECONNREFUSED);
}

static void tcp(void) {
  char buffer[64];
  const int server = MUST(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
  const int on = 1;
  MUST(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, peer;
  MUST(bind(server, (struct sockaddr*)&name, sizeof name));
  socklen_t length = sizeof name;
  MUST(getsockname(server, (struct sockaddr*)&name, &length));
  CHECK(name.sin_port != 0);
  MUST(listen(server, 1));
  const pid_t child = MUST(fork());
  if (child == 0) {
    const int c = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c, (struct sockaddr*)&name, sizeof name)) _exit(1);
    for (int i = 0; i < 3; i++) {
      const ssize_t n = recv(c, buffer, sizeof buffer, 0);
      for (ssize_t k = 0; k < n; k++) buffer[k] ^= 0x20;
      if (n <= 0 || send(c, buffer, n, 0) != n) _exit(2);
    }
    _exit(0);
  }
  length = sizeof peer;
  const int connection = MUST(accept(server, (struct sockaddr*)&peer, &length));
  CHECK_EQ(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
  MUST(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  int value = 0;
  length = sizeof value;
  MUST(getsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &value, &length));
  CHECK_EQ(value != 0, 1);
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(write(connection, "AbCd", 4), 4);
    CHECK_EQ(recv(connection, buffer, 4, MSG_WAITALL), 4);
    CHECK(memcmp(buffer, "aBcD", 4) == 0);
  }
  CHECK_EQ(recv(connection, buffer, 4, 0), 0);
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(WEXITSTATUS(status), 0);
  length = sizeof value;
  MUST(getsockopt(connection, SOL_SOCKET, SO_ERROR, &value, &length));
  CHECK_EQ(value, 0);
}

static void udp(void) {
  char buffer[64];
  const int a = MUST(socket(AF_INET, SOCK_DGRAM, 0)), b = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, other = name, from;
  MUST(bind(a, (struct sockaddr*)&name, sizeof name));
  MUST(bind(b, (struct sockaddr*)&other, sizeof other));
  socklen_t length = sizeof name;
  MUST(getsockname(a, (struct sockaddr*)&name, &length));
  MUST(getsockname(b, (struct sockaddr*)&other, &length));
  CHECK_EQ(sendto(a, "packet", 6, 0, (struct sockaddr*)&other, sizeof other), 6);
  struct pollfd p = {b, POLLIN, 0};
  CHECK_EQ(poll(&p, 1, 1000), 1);
  length = sizeof from;
  CHECK_EQ(recvfrom(b, buffer, 3, MSG_TRUNC, (struct sockaddr*)&from, &length), 6);
  CHECK_EQ(from.sin_port, name.sin_port);
  CHECK_ERR(recvfrom(b, buffer, 3, 0, NULL, NULL), EAGAIN);
  MUST(connect(b, (struct sockaddr*)&name, sizeof name));
  CHECK_EQ(send(b, "back", 4, 0), 4);
  CHECK_EQ(recvfrom(a, buffer, 64, 0, NULL, NULL), 4);
  CHECK_ERR(socket(AF_INET, 99, 0), EINVAL);
  CHECK_ERR(socket(9999, SOCK_STREAM, 0), EAFNOSUPPORT);
  CHECK_ERR(recv(0, buffer, 1, 0), ENOTSOCK);
}

int main(void) {
  unix_stream();
  tcp();
  udp();
  return done();
}
