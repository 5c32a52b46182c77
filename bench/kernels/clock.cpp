// clock_gettime in a loop: a vDSO call natively. The checksum counts steps back, of which there are none.
#include <time.h>

#include "bench/kernels/kernel.h"

int main(int argc, char** argv) {
  const kernel::u64 calls = kernel::work(argc, argv, 10'000'000);
  kernel::u64 backward = 0;
  timespec last{};
  for (kernel::u64 i = 0; i < calls; ++i) {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    backward += now.tv_sec < last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec);
    last = now;
  }
  return kernel::report("clock", backward, calls);
}
