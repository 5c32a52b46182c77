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

  template <class Call>
  void will_write(Call& call) const {
    for (u64 i = 0; i < count_; ++i)
      if (data()[i].length != 0) call.will_write(data()[i].base, data()[i].length);
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
