// A pseudo terminal: modes, window size, line editing by the kernel, ttyname, and ioctls on what is none.
// build: -lutil
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "common.h"

int main(void) {
  int master, slave;
  char name[64], line[64];
  const struct winsize size = {24, 80, 0, 0};
  MUST(openpty(&master, &slave, name, NULL, &size));
  CHECK_EQ(isatty(slave), 1);
  CHECK_EQ(isatty(master), 1);
  CHECK(strncmp(name, "/dev/pts/", 9) == 0);
  CHECK(strcmp(ttyname(slave), name) == 0);
  struct winsize now = {0};
  MUST(ioctl(slave, TIOCGWINSZ, &now));
  CHECK(now.ws_row == 24 && now.ws_col == 80);
  now.ws_row = 50;
  MUST(ioctl(master, TIOCSWINSZ, &now));
  MUST(ioctl(slave, TIOCGWINSZ, &now));
  CHECK_EQ(now.ws_row, 50);

  struct termios t, again;
  MUST(tcgetattr(slave, &t));
  CHECK(t.c_lflag & ICANON);
  CHECK_EQ(write(master, "hellox\177\n", 8), 8);  // with an erase character
  CHECK_EQ(read(slave, line, sizeof line), 6);
  CHECK(memcmp(line, "hello\n", 6) == 0);
  int pending = 0;
  do  // the echo, to its end
    CHECK(read(master, line, 1) == 1);
  while (line[0] != '\n');
  t.c_lflag &= ~(ICANON | ECHO);
  t.c_cc[VMIN] = 1, t.c_cc[VTIME] = 0;
  MUST(tcsetattr(slave, TCSANOW, &t));
  MUST(tcgetattr(slave, &again));
  CHECK_EQ(again.c_lflag, t.c_lflag);
  CHECK_EQ(write(master, "ab", 2), 2);
  struct pollfd p = {slave, POLLIN, 0};
  CHECK_EQ(poll(&p, 1, 5000), 1);
  MUST(ioctl(slave, FIONREAD, &pending));
  CHECK_EQ(pending, 2);
  CHECK_EQ(read(slave, line, 1), 1);
  MUST(tcflush(slave, TCIFLUSH));
  MUST(ioctl(slave, FIONREAD, &pending));
  CHECK_EQ(pending, 0);
  CHECK_EQ(write(slave, "x\n", 2), 2);
  for (int i = 0; i < 3; i++) CHECK_EQ(read(master, line + i, 1), 1);
  CHECK(memcmp(line, "x\r\n", 3) == 0);

  const int file = MUST(open("f", O_RDWR | O_CREAT, 0600));
  CHECK_EQ(isatty(file), 0);
  CHECK_ERR(tcgetattr(file, &t), ENOTTY);
  CHECK_ERR(ioctl(file, TIOCGWINSZ, &now), ENOTTY);
  MUST(write(file, "12345", 5));
  MUST(lseek(file, 1, SEEK_SET));
  MUST(ioctl(file, FIONREAD, &pending));
  CHECK_EQ(pending, 4);
  const int on = 1;
  MUST(ioctl(file, FIONBIO, &on));
  CHECK(fcntl(file, F_GETFL) & O_NONBLOCK);
  MUST(ioctl(file, FIOCLEX));
  CHECK_EQ(fcntl(file, F_GETFD), FD_CLOEXEC);
  MUST(ioctl(file, FIONCLEX));
  int pipe_fds[2];
  MUST(pipe(pipe_fds));
  MUST(write(pipe_fds[1], "abc", 3));
  MUST(ioctl(pipe_fds[0], FIONREAD, &pending));
  CHECK_EQ(pending, 3);
  CHECK_ERR(ioctl(-1, FIONREAD, &pending), EBADF);
  return done();
}
