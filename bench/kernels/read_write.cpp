// System calls with hardly any data: what a recorded call costs above a native one.
#include <fcntl.h>
#include <unistd.h>

#include "bench/kernels/kernel.h"

int main(int argc, char** argv) {
  const kernel::u64 rounds = kernel::work(argc, argv, 1'000'000);
  const int zero = open("/dev/zero", O_RDONLY);
  const int null = open("/dev/null", O_WRONLY);
  if (zero < 0 || null < 0) return 1;
  kernel::u64 checksum = 0;
  for (kernel::u64 i = 0; i < rounds; ++i) {
    char byte = 1;
    checksum += static_cast<kernel::u64>(read(zero, &byte, 1)) + static_cast<kernel::u64>(byte);
    checksum += static_cast<kernel::u64>(write(null, &byte, 1));
  }
  return kernel::report("read_write", checksum, 2 * rounds);
}
