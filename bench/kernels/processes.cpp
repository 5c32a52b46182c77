// What processes cost; it measures itself and prints seconds.
//   spawn N       N times: fork, execute /bin/true, wait
//   ping-pong N   a byte goes N times to a child and back, by two pipes
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool spawn() {
  const pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/true", "true", nullptr);
    _exit(1);
  }
  int status = 1;
  return waitpid(pid, &status, 0) == pid && status == 0;
}

void echo(int from, int to) {
  char c = 0;
  while (read(from, &c, 1) == 1 && write(to, &c, 1) == 1) continue;
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int n = std::atoi(argv[2]);
  const bool spawns = std::strcmp(argv[1], "spawn") == 0;
  int there[2], back[2];
  if (!spawns) {
    if (pipe(there) != 0 || pipe(back) != 0) return 1;
    const pid_t pid = fork();
    if (pid == 0) {
      close(there[1]);
      echo(there[0], back[1]);
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < n; ++i) {
    char c = 'x';
    if (spawns ? !spawn() : write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) return 1;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("%.6f\n", seconds.count());
}
