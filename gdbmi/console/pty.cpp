#include "gdbmi/console/pty.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

namespace fred {

Result<Pty> open_pty(bool raw) {
  Pty pty;
  pty.master = UniqueFd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char name[128];
  if (!pty.master || grantpt(pty.master.get()) != 0 || unlockpt(pty.master.get()) != 0 ||
      ptsname_r(pty.master.get(), name, sizeof name) != 0) {
    return fail_errno(errno, "cannot make a pseudo-terminal");
  }
  pty.name = name;
  pty.slave = UniqueFd(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios modes;
  if (!pty.slave || tcgetattr(pty.slave.get(), &modes) != 0) return fail_errno(errno, "cannot open " + pty.name);
  if (raw) cfmakeraw(&modes);
  modes.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  modes.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
  if (tcsetattr(pty.slave.get(), TCSANOW, &modes) != 0) return fail_errno(errno, "cannot set up " + pty.name);
  return pty;
}

Result<Pipe> open_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace fred
