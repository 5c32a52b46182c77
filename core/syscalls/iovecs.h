// The guest's arrays of {address, length}, read once before the call that fills them.
#pragma once
#include <algorithm>
#include <vector>

#include "core/base/types.h"

namespace fred {

/// `struct iovec` as the kernel has it.
struct IoVec {
  GuestAddr base;
  u64 length;
};
static_assert(sizeof(IoVec) == 16);

/// Holds up to 16 entries without allocating. More than the kernel's limit, or an array that cannot be
/// read, counts as empty: the kernel refuses the call.
class IoVecs {
 public:
  static constexpr u64 max_count = 1024;

  template <class Call>
  void read(Call& call, GuestAddr at, u64 count) {
    count_ = 0;
    if (at.value == 0 || count > max_count) return;
    if (count > small_count) many_.resize(count);
    if (call.get(data_for(count), at, count * sizeof(IoVec))) count_ = count;
  }

  /// The kernel writes to the buffers. Where the array lies that it is to get: at `at`, or in memory of the engine.
  template <class Call>
  GuestAddr receive(Call& call, GuestAddr at) const {
    auto* copy = static_cast<IoVec*>(call.scratch(count_ * sizeof(IoVec)));
    for (u64 i = 0; i < count_; ++i) {
      IoVec vec = data()[i];
      if (vec.length != 0) vec.base = call.buffer(vec.base, vec.length);
      if (copy != nullptr) copy[i] = vec;
    }
    return copy != nullptr && count_ != 0 ? GuestAddr{reinterpret_cast<u64>(copy)} : at;
  }

  /// `bytes` of data went to the buffers, in their order.
  template <class Call>
  void output(Call& call, u64 bytes) const {
    for (u64 i = 0; i < count_ && bytes != 0; ++i) {
      const u64 here = std::min(data()[i].length, bytes);
      if (here != 0) call.output(data()[i].base, here);
      bytes -= here;
    }
  }

 private:
  static constexpr u64 small_count = 16;
  IoVec* data_for(u64 count) { return count > small_count ? many_.data() : few_; }
  const IoVec* data() const { return count_ > small_count ? many_.data() : few_; }

  u64 count_ = 0;
  IoVec few_[small_count];
  std::vector<IoVec> many_;
};

}  // namespace fred
