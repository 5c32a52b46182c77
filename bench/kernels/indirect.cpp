// Calls through a table of function pointers, the target half predictable.
#include <iterator>

#include "bench/kernels/kernel.h"

using kernel::u64;

template <u64 n>
[[gnu::noinline]] static u64 step(u64 v) {
  return (v ^ n) + (v >> (n % 13 + 1));
}

static u64 (*const volatile table[])(u64) = {step<1>,  step<2>,  step<3>,  step<4>,  step<5>,  step<6>,
                                             step<7>,  step<8>,  step<9>,  step<10>, step<11>, step<12>,
                                             step<13>, step<14>, step<15>, step<16>};

int main(int argc, char** argv) {
  const u64 calls = kernel::work(argc, argv, 100'000'000);
  u64 order = 12345, value = 1;
  for (u64 i = 0; i < calls; ++i) {
    order = order * 6364136223846793005ULL + 1442695040888963407ULL;
    // One bit of the index is random: half of the targets can be predicted.
    value = table[(i >> 1 ^ (order >> 63)) % std::size(table)](value);
  }
  return kernel::report("indirect", value);
}
