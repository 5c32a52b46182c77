// A forking server: several workers accept from one listening socket, which the parent hands descriptors and requests;
// its clients are processes too. Pipes, socket pairs, SCM_RIGHTS, a terminal's echo, locks and a shared offset between
// them.
#include <poll.h>
#include <pty.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include "common.h"

enum { workers = 3, clients = 4, requests = 25 };

static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};

static void work(int listening, int log) {
  for (;;) {
    const int fd = accept(listening, NULL, NULL);
    if (fd < 0) _exit(1);
    int n;
    while (read(fd, &n, sizeof n) == sizeof n) {
      if (n < 0) _exit(0);
      char line[32];
      if (write(log, line, (size_t)sprintf(line, "%05d\n", n)) != 6) _exit(1);
      n = n * 3 + 1;
      if (write(fd, &n, sizeof n) != sizeof n) _exit(1);
    }
    close(fd);
  }
}

static int ask(int fd, int n) {
  int answer = -1;
  if (write(fd, &n, sizeof n) != sizeof n || read(fd, &answer, sizeof answer) != sizeof answer) return -1;
  return answer;
}

static int client(int number) {
  for (int i = 0; i < requests; i++) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0) return 1;
    const int n = number * 1000 + i;
    if (ask(fd, n) != n * 3 + 1) return 2;
    close(fd);
  }
  return 0;
}

static void serve(void) {
  const int listening = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
  MUST(bind(listening, (struct sockaddr*)&address, sizeof address));
  MUST(listen(listening, 8));
  const int log = MUST(open("log", O_RDWR | O_CREAT | O_TRUNC, 0600));  // one offset for all
  for (int i = 0; i < workers; i++) {
    if (MUST(fork()) == 0) work(listening, log);
  }
  pid_t asking[clients];
  for (int i = 0; i < clients; i++) {
    asking[i] = MUST(fork());
    if (asking[i] == 0) _exit(client(i));
  }
  int status;
  for (int i = 0; i < clients; i++) {
    CHECK_EQ(waitpid(asking[i], &status, 0), asking[i]);
    CHECK_EQ(status, 0);
  }
  for (int i = 0; i < workers; i++) {
    const int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), last = -1;
    MUST(connect(fd, (struct sockaddr*)&address, sizeof address));
    MUST(write(fd, &last, sizeof last));
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
    close(fd);
  }
  static char seen[clients][requests];
  char line[7] = "";
  int lines = 0;
  MUST(lseek(log, 0, SEEK_SET));
  for (; read(log, line, 6) == 6; lines++) seen[atoi(line) / 1000][atoi(line) % 1000]++;
  CHECK_EQ(lines, clients * requests);
  for (int i = 0; i < clients; i++)
    for (int k = 0; k < requests; k++) CHECK_EQ(seen[i][k], 1);
  MUST(unlink("log"));
  MUST(unlink("socket"));
}

/// The child sends a descriptor that it has opened; both then use the same open file.
static void descriptor(void) {
  int pair[2];
  MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
  const pid_t pid = MUST(fork());
  char control[CMSG_SPACE(sizeof(int))] = "", byte = 'd';
  struct iovec data = {&byte, 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (pid == 0) {
    const int fd = open("sent", O_RDWR | O_CREAT, 0600);
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (write(fd, "child", 5) != 5 || sendmsg(pair[1], &message, 0) != 1) _exit(1);
    if (read(pair[1], &byte, 1) != 1) _exit(2);
    _exit(lseek(fd, 0, SEEK_CUR) != 11);
  }
  CHECK_EQ(recvmsg(pair[0], &message, MSG_CMSG_CLOEXEC), 1);
  int fd = -1;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  CHECK_EQ(write(fd, "parent", 6), 6);
  MUST(write(pair[0], "g", 1));
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
  char text[12] = "";
  CHECK_EQ(pread(fd, text, 11, 0), 11);
  CHECK(strcmp(text, "childparent") == 0);
  MUST(unlink("sent"));
}

static void terminal(void) {
  int master;
  struct termios raw = {0};
  cfmakeraw(&raw);
  const pid_t pid = MUST(forkpty(&master, NULL, &raw, NULL));
  if (pid == 0) {
    char c;
    while (read(0, &c, 1) == 1 && c != 'q') {
      c++;
      if (write(1, &c, 1) != 1) _exit(1);
    }
    _exit(c == 'q' ? 8 : 9);
  }
  char c = 'a';
  for (; c < 'k';) {
    const char sent = c;
    MUST(write(master, &sent, 1));
    CHECK_EQ(read(master, &c, 1), 1);
    CHECK_EQ(c, sent + 1);
  }
  MUST(write(master, "q", 1));
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(WEXITSTATUS(status), 8);
  close(master);
}

static void locks(void) {
  const int fd = MUST(open("locked", O_RDWR | O_CREAT, 0600));
  const int zero = 0;
  MUST(write(fd, &zero, sizeof zero));
  for (int w = 0; w < 3; w++) {
    if (MUST(fork()) != 0) continue;
    const int own = open("locked", O_RDWR);
    for (int i = 0, n; i < 40; i++) {
      if (w == 0) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(own, F_OFD_SETLKW, &whole) != 0) _exit(1);
      } else {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(own, F_SETLKW, &whole) != 0) _exit(1);
      }
      if (pread(own, &n, sizeof n, 0) != sizeof n) _exit(2);
      n++;
      if (pwrite(own, &n, sizeof n, 0) != sizeof n) _exit(3);
      struct flock none = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
      fcntl(own, w == 0 ? F_OFD_SETLK : F_SETLK, &none);
    }
    _exit(0);
  }
  int status, n = 0;
  for (int w = 0; w < 3; w++) {
    CHECK(wait(&status) > 0);
    CHECK_EQ(status, 0);
  }
  CHECK_EQ(pread(fd, &n, sizeof n, 0), sizeof n);
  CHECK_EQ(n, 120);
  MUST(unlink("locked"));
}

int main(void) {
  serve();
  descriptor();
  terminal();
  locks();
  return done();
}
