// A program that becomes a daemon: fork, setsid, fork again; the daemon closes its descriptors, opens a log and serves
// requests of a fifo, while its grandparent waits for the file that says it is there. Then daemon(3).
#include <sys/prctl.h>
#include "common.h"

static void write_file(const char* name, const char* text) {
  char unfinished[64];
  snprintf(unfinished, sizeof unfinished, "%s.new", name);
  const int fd = MUST(open(unfinished, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  MUST(write(fd, text, strlen(text)));
  close(fd);
  MUST(rename(unfinished, name));
}

static void serve(void) {
  for (int fd = 0; fd < 3; fd++) close(fd);
  if (open("/dev/null", O_RDWR) != 0 || dup(0) != 1 || dup(0) != 2) _exit(1);
  const int in = open("requests", O_RDONLY);
  write_file("begun", getsid(0) == getpid() ? "leader" : "member");
  char request[64];
  for (long n; (n = read(in, request, sizeof request - 1)) > 0;) {
    request[n] = 0;
    write_file("answer", request);
  }
  write_file("ended", "ended");
  _exit(0);
}

static void wait_for(const char* name) {
  while (access(name, F_OK) != 0) usleep(1000);
  char text[64] = "";
  const int fd = MUST(open(name, O_RDONLY));
  MUST(read(fd, text, sizeof text - 1));
  close(fd);
  printf("%s: %s\n", name, text);
}

int main(void) {
  MUST(mkfifo("requests", 0600));
  const pid_t child = MUST(fork());
  if (child == 0) {
    if (setsid() != getpid()) _exit(1);
    const pid_t daemon_process = fork();
    if (daemon_process == 0) serve();
    _exit(daemon_process < 0);
  }
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(status, 0);
  const int out = MUST(open("requests", O_WRONLY));
  wait_for("begun");
  MUST(write(out, "hello", 5));
  wait_for("answer");
  close(out);
  wait_for("ended");

  // The same by the library, of a child that reports by a pipe; its reaper is this process.
  MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
  int report[2];
  MUST(pipe(report));
  if (MUST(fork()) == 0) {
    if (daemon(1, 1) != 0) _exit(1);
    const pid_t self = getpid();
    _exit(write(report[1], &self, sizeof self) != sizeof self);
  }
  pid_t daemon_process = 0;
  CHECK_EQ(read(report[0], &daemon_process, sizeof daemon_process), sizeof daemon_process);
  int seen = 0;
  for (pid_t ended; (ended = wait(&status)) > 0; seen++) CHECK_EQ(status, 0);
  CHECK_EQ(seen, 2);
  return done();
}
