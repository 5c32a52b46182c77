// What the kernels share: a repeatable source of numbers, and the one line that each prints.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace kernel {

using u64 = std::uint64_t;

/// Numbers that are the same in every run (a 64-bit xorshift with a multiply).
class Random {
 public:
  explicit Random(u64 seed) : state_(seed * 2 + 1) {}
  u64 next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dULL;
  }
  u64 below(u64 n) { return next() % n; }

 private:
  u64 state_;
};

/// How much work to do: argv[1] if given, else what takes about a second.
inline u64 work(int argc, char** argv, u64 usual) { return argc > 1 ? std::strtoull(argv[1], nullptr, 0) : usual; }

/// The checksum depends on all that the kernel did; bench/run.py compares it between the modes.
/// `calls` is the number of system calls (or vDSO calls) made in the loop, for the cost of one.
inline int report(const char* name, u64 checksum, u64 calls = 0) {
  std::printf("%s checksum=%016llx calls=%llu\n", name, static_cast<unsigned long long>(checksum),
              static_cast<unsigned long long>(calls));
  return 0;
}

}  // namespace kernel
