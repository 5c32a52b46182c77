// What memory costs that a process outside of the recording writes as well; it measures itself and prints seconds.
//   hold FILE       maps the file, says so, and stands until its standard input ends
//   access FILE N   N loads and N stores there
//   beside FILE N   the file is mapped; N rounds over 64 KiB of the program's own memory
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  constexpr std::size_t size = 1 << 16;
  const int fd = open(argv[2], O_RDWR | O_CREAT, 0600);
  if (fd < 0 || ftruncate(fd, size) != 0) return 1;
  void* const mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return 1;
  auto* const shared = static_cast<volatile unsigned*>(mapped);
  if (std::strcmp(argv[1], "hold") == 0) {
    std::puts("mapped");
    std::fflush(stdout);
    char byte;
    return read(0, &byte, 1) == 0 ? 0 : 1;
  }
  const int n = std::atoi(argv[3]);
  std::vector<unsigned> own(size / sizeof(unsigned), 1);
  const auto begin = std::chrono::steady_clock::now();
  unsigned sum = 0;
  if (std::strcmp(argv[1], "access") == 0) {
    for (int i = 0; i < n; ++i) shared[i % 64] = shared[(i + 1) % 64] + static_cast<unsigned>(i);
  } else {
    for (int i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < own.size(); ++k) sum += own[k] = own[(sum + k) % own.size()] + 1;
    }
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("%.6f %u\n", seconds.count(), sum);
}
