// What the kernel reads of the guest's memory for a system call, as far as its row says: paths, and `Reads` arguments.
#pragma once
#include <vector>

#include "core/base/types.h"

namespace fred {

/// The ranges, after the call. Nothing is known of a call that has failed, unless a signal has ended it.
std::vector<GuestRange> kernel_reads(u64 number, const u64 (&args)[6], i64 result);

}  // namespace fred
