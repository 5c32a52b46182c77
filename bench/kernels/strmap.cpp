// std::map<std::string, int>: a word count; tree walks, string comparison through libc, allocation.
#include <map>
#include <string>
#include <vector>

#include "bench/kernels/kernel.h"

int main(int argc, char** argv) {
  const kernel::u64 operations = kernel::work(argc, argv, 2'500'000);
  kernel::Random random(3);
  std::vector<std::string> words(30'000);
  for (auto& word : words) {
    const auto length = 3 + random.below(18);
    for (kernel::u64 i = 0; i < length; ++i) word += static_cast<char>('a' + random.below(6));
  }
  std::map<std::string, int> counts;
  for (kernel::u64 i = 0; i < operations; ++i) {
    std::string word = words[random.below(words.size())];
    if (i % 4 == 0) word += "ing";
    ++counts[word];
    if (i % 64 == 0) counts.erase(words[random.below(words.size())]);
  }
  kernel::u64 checksum = 0;
  for (const auto& [word, count] : counts)
    checksum = checksum * 31 + word.size() * 1000 + static_cast<kernel::u64>(count);
  return kernel::report("strmap", checksum);
}
