// What processes cost; it measures itself and prints seconds.
//   spawn N           N times: fork, execute /bin/true, wait
//   ping-pong N       a byte goes N times to a child and back, by two pipes
//   ping-pong N KIB   the same, with so much memory that both share and have written; each writes a little of it each
//   time
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::size_t page = 4096;

struct Shared {
  char* memory = nullptr;
  std::size_t size = 0;

  bool make(std::size_t kib) {
    size = kib * 1024;
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return false;
    memory = static_cast<char*>(at);
    for (std::size_t i = 0; i < size; i += page) memory[i] = 1;
    return true;
  }
  /// Two counters, and a page that is another one each time.
  void write(std::size_t time) const {
    if (size == 0) return;
    ++memory[8];
    ++memory[size / 2 + 16];
    ++memory[time * 7919 * page % size];
  }
};

bool spawn() {
  const pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/true", "true", nullptr);
    _exit(1);
  }
  int status = 1;
  return waitpid(pid, &status, 0) == pid && status == 0;
}

void echo(int from, int to, const Shared& shared) {
  char c = 0;
  for (std::size_t time = 1; read(from, &c, 1) == 1; time += 2) {
    shared.write(time);
    if (write(to, &c, 1) != 1) break;
  }
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  const int n = std::atoi(argv[2]);
  const bool spawns = std::strcmp(argv[1], "spawn") == 0;
  Shared shared;
  if (argc == 4 && !shared.make(std::strtoul(argv[3], nullptr, 0))) return 1;
  int there[2], back[2];
  if (!spawns) {
    if (pipe(there) != 0 || pipe(back) != 0) return 1;
    const pid_t pid = fork();
    if (pid == 0) {
      close(there[1]);
      echo(there[0], back[1], shared);
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < n; ++i) {
    char c = 'x';
    shared.write(static_cast<std::size_t>(i) * 2);
    if (spawns ? !spawn() : write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) return 1;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("%.6f\n", seconds.count());
}
