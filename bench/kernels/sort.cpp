// std::sort and std::stable_sort of integers: short loops, unpredictable branches.
#include <algorithm>
#include <vector>

#include "bench/kernels/kernel.h"

int main(int argc, char** argv) {
  const kernel::u64 rounds = kernel::work(argc, argv, 13);
  kernel::Random random(1);
  kernel::u64 checksum = 0;
  std::vector<kernel::u64> numbers(1'000'000);
  for (kernel::u64 round = 0; round < rounds; ++round) {
    for (auto& n : numbers) n = random.next();
    if (round % 2 == 0)
      std::sort(numbers.begin(), numbers.end());
    else
      std::stable_sort(numbers.begin(), numbers.end(), [](auto a, auto b) { return (a >> 8) > (b >> 8); });
    for (std::size_t i = 0; i < numbers.size(); i += 997) checksum = checksum * 31 + numbers[i];
  }
  return kernel::report("sort", checksum);
}
