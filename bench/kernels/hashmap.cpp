// std::unordered_map: insertions, look-ups that hit and miss, erasures; allocation and cache misses.
#include <unordered_map>

#include "bench/kernels/kernel.h"

int main(int argc, char** argv) {
  const kernel::u64 operations = kernel::work(argc, argv, 30'000'000);
  kernel::Random random(2);
  std::unordered_map<kernel::u64, kernel::u64> map;
  kernel::u64 checksum = 0;
  for (kernel::u64 i = 0; i < operations; ++i) {
    const kernel::u64 r = random.next();
    const kernel::u64 key = (r >> 8) % 200'000;
    switch (r & 7) {
      case 0:
        map.erase(key);
        break;
      case 1:
      case 2:
      case 3:
        map[key] += i;
        break;
      default:
        if (auto it = map.find(key); it != map.end()) checksum = checksum * 3 + it->second;
    }
  }
  return kernel::report("hashmap", checksum + map.size());
}
