// sendmsg and recvmsg: gathered data, descriptors, credentials, truncation; many messages at once.
#include <sys/socket.h>
#include "common.h"

static int make_pair(int type) {
  static int fds[2];
  MUST(socketpair(AF_UNIX, type, 0, fds));
  return fds[0] << 16 | fds[1];
}

int main(void) {
  const int pair = make_pair(SOCK_STREAM), left = pair >> 16, right = pair & 0xffff;
  char a[10], b[20];
  struct iovec out[] = {{"gathered ", 9}, {"data", 4}};
  union {
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr align;
  } control;
  int file = MUST(open("f", O_RDWR | O_CREAT, 0600)), pipe_fds[2];
  MUST(pipe(pipe_fds));
  struct msghdr m = {.msg_iov = out, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr* c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(2 * sizeof(int));
  memcpy(CMSG_DATA(c), (int[]){file, pipe_fds[0]}, 2 * sizeof(int));
  CHECK_EQ(sendmsg(left, &m, 0), 13);
  MUST(write(file, "through", 7));
  MUST(close(file));

  memset(&control, 0, sizeof control);
  struct iovec in[] = {{a, 4}, {b, 20}};
  m = (struct msghdr){.msg_iov = in, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
  CHECK_EQ(recvmsg(right, &m, MSG_CMSG_CLOEXEC), 13);
  CHECK(memcmp(a, "gath", 4) == 0 && memcmp(b, "ered data", 9) == 0);
  c = CMSG_FIRSTHDR(&m);
  CHECK(c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(2 * sizeof(int)));
  int got[2];
  memcpy(got, CMSG_DATA(c), sizeof got);
  printf("descriptors %d %d\n", got[0], got[1]);
  CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
  CHECK_EQ(pread(got[0], b, 20, 0), 7);
  CHECK(memcmp(b, "through", 7) == 0);

  // No room for the control data.
  m = (struct msghdr){.msg_iov = out, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
  memset(&control, 0, sizeof control);
  c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &pipe_fds[0], sizeof(int));
  m.msg_controllen = CMSG_SPACE(sizeof(int));
  CHECK_EQ(sendmsg(left, &m, 0), 13);
  m = (struct msghdr){.msg_iov = in, .msg_iovlen = 2};
  CHECK_EQ(recvmsg(right, &m, 0), 13);
  CHECK_EQ(m.msg_flags & MSG_CTRUNC, MSG_CTRUNC);

  const int on = 1;
  MUST(setsockopt(right, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
  CHECK_EQ(send(left, "x", 1, 0), 1);
  m = (struct msghdr){.msg_iov = in, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  CHECK_EQ(recvmsg(right, &m, 0), 1);
  c = CMSG_FIRSTHDR(&m);
  CHECK(c && c->cmsg_type == SCM_CREDENTIALS);
  if (c) CHECK_EQ(((struct ucred*)CMSG_DATA(c))->pid, getpid());

  const int packets = make_pair(SOCK_DGRAM), from = packets >> 16, to = packets & 0xffff;
  struct iovec one = {"first", 5}, two[] = {{"se", 2}, {"cond", 4}}, big = {"much too long", 13};
  struct mmsghdr send_all[] = {{{.msg_iov = &one, .msg_iovlen = 1}, 0},
                               {{.msg_iov = two, .msg_iovlen = 2}, 0},
                               {{.msg_iov = &big, .msg_iovlen = 1}, 0}};
  CHECK_EQ(sendmmsg(from, send_all, 3, 0), 3);
  CHECK_EQ(send_all[1].msg_len, 6);
  char buffers[4][8];
  struct iovec parts[4];
  struct mmsghdr take[4];
  memset(take, 0, sizeof take);
  for (int i = 0; i < 4; i++) {
    parts[i] = (struct iovec){buffers[i], 8};
    take[i].msg_hdr.msg_iov = &parts[i], take[i].msg_hdr.msg_iovlen = 1;
  }
  struct timespec limit = {1000, 0};
  CHECK_EQ(recvmmsg(to, take, 4, MSG_DONTWAIT, &limit), 3);
  for (int i = 0; i < 3; i++)
    printf("%u %.*s %d\n", take[i].msg_len, (int)take[i].msg_len, buffers[i], take[i].msg_hdr.msg_flags & MSG_TRUNC);
  CHECK_ERR(recvmmsg(to, take, 4, MSG_DONTWAIT, NULL), EAGAIN);
  return done();
}
