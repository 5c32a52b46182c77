// Random numbers that are the same on every machine for a seed.
#pragma once
#include <initializer_list>

#include "core/base/types.h"

namespace fred::fuzz {

constexpr u64 mix(u64 v) {
  v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
  v = (v ^ v >> 27) * 0x94d049bb133111eb;
  return v ^ v >> 31;
}

class Random {
 public:
  explicit Random(u64 seed) : state_(mix(seed + 0x9e3779b97f4a7c15)) {}
  u64 next() { return mix(state_ += 0x9e3779b97f4a7c15); }
  u8 byte() { return static_cast<u8>(next() >> 32); }
  /// 0 … n-1
  u32 below(u32 n) { return static_cast<u32>((next() >> 32) * n >> 32); }
  /// low … high
  i32 between(i32 low, i32 high) { return low + static_cast<i32>(below(static_cast<u32>(high - low + 1))); }
  bool chance(u32 percent) { return below(100) < percent; }
  template <class T>
  T of(std::initializer_list<T> list) {
    return list.begin()[below(static_cast<u32>(list.size()))];
  }
  /// A number of the kind that makes arithmetic interesting.
  u64 value() {
    switch (below(8)) {
      case 0:
        return below(20);
      case 1:
        return 0 - u64{below(20)};
      case 2:
        return (u64{1} << below(64)) - below(3);
      case 3:
        return next() & 0xffffffff;
      case 4:
        return static_cast<u64>(static_cast<i64>(static_cast<i32>(next())));
      case 5:
        return next() >> below(64);
      default:
        return next();
    }
  }

 private:
  u64 state_;
};

}  // namespace fred::fuzz
