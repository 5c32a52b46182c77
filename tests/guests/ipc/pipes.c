// Pipes and FIFOs between processes: blocking, packet mode, atomic writes, sizes, end of file.
#include <poll.h>
#include "common.h"

int main(void) {
  int p[2];
  char buffer[8192];
  MUST(pipe2(p, O_DIRECT));  // packets
  MUST(write(p[1], "one", 3));
  MUST(write(p[1], "second", 6));
  CHECK_EQ(read(p[0], buffer, 100), 3);
  CHECK_EQ(read(p[0], buffer, 2), 2);
  close(p[0]), close(p[1]);
  MUST(pipe(p));
  CHECK_EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
  CHECK_EQ(fcntl(p[0], F_SETPIPE_SZ, 4096), 4096);
  CHECK_ERR(lseek(p[0], 0, SEEK_CUR), ESPIPE);
  CHECK_ERR(pread(p[0], buffer, 1, 0), ESPIPE);
  // A child produces more than fits; the parent counts.
  pid_t child = MUST(fork());
  if (child == 0) {
    close(p[0]);
    for (int i = 0; i < 100; i++) {
      memset(buffer, 'a' + i % 26, 3000);
      if (write(p[1], buffer, 3000) != 3000) _exit(1);
    }
    _exit(0);
  }
  close(p[1]);
  long total = 0, sum = 0;
  for (ssize_t n; (n = MUST(read(p[0], buffer, 777))) > 0; total += n)
    for (ssize_t i = 0; i < n; i++) sum = (sum * 31 + buffer[i]) & 0xffffff;
  printf("%ld bytes, %ld\n", total, sum);
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(WEXITSTATUS(status), 0);

  // The other way, with a FIFO.
  MUST(mkfifo("fifo", 0600));
  child = MUST(fork());
  if (child == 0) {
    const int f = open("fifo", O_RDONLY);
    long seen = 0;
    for (ssize_t n; (n = read(f, buffer, sizeof buffer)) > 0;) seen += n;
    _exit(seen == 50000 ? 0 : 1);
  }
  const int f = MUST(open("fifo", O_WRONLY));
  for (int i = 0; i < 50; i++) CHECK_EQ(write(f, buffer, 1000), 1000);
  close(f);
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(WEXITSTATUS(status), 0);
  CHECK_ERR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
  FILE* command = popen("tr a-z A-Z", "w");
  fprintf(command, "through a pipe\n");
  fflush(stdout);
  CHECK_EQ(pclose(command), 0);
  command = popen("printf 'a\\nb\\nc\\n' | sort -r", "r");
  while (fgets(buffer, sizeof buffer, command)) printf("got %s", buffer);
  CHECK_EQ(WEXITSTATUS(pclose(command)), 0);
  return done();
}
