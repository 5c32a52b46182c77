// libc's memory functions on blocks of mixed size: calls through the PLT into hand-written vector code.
#include <cstring>
#include <vector>

#include "bench/kernels/kernel.h"

using kernel::u64;

int main(int argc, char** argv) {
  const u64 operations = kernel::work(argc, argv, 40'000'000);
  kernel::Random random(7);
  std::vector<char> buffer(1 << 20);
  for (auto& c : buffer) c = static_cast<char>(random.next() | 1);
  u64 checksum = 0;
  for (u64 i = 0; i < operations; ++i) {
    const u64 r = random.next();
    const u64 size = 1 + ((r >> 4) & (i % 64 == 0 ? 0xffff : 0xff));
    char* from = &buffer[(r >> 20) % (buffer.size() - 0x20000)];
    char* to = &buffer[(r >> 40) % (buffer.size() - 0x20000)];
    switch (r & 7) {
      case 0:
        std::memset(to, static_cast<int>(i) | 1, size);
        break;
      case 1:
        std::memmove(to, from, size);
        break;
      case 2:
        checksum += static_cast<u64>(std::memcmp(to, from, size) > 0);
        break;
      case 3:
        checksum += std::memchr(from, 0, size) != nullptr;
        break;
      default:
        std::memmove(to, from, size);
        checksum = checksum * 31 + static_cast<unsigned char>(to[size / 2]);
    }
  }
  return kernel::report("memcpy", checksum);
}
