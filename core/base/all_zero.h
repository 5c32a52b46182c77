// Memory that is worth no place: what a file or a log leaves out.
#pragma once
#include <algorithm>

#include "core/base/types.h"

namespace fred {

/// True of no bytes as well.
inline bool all_zero(const u8* bytes, u64 size) {
  return size == 0 || (bytes[0] == 0 && std::equal(bytes + 1, bytes + size, bytes));
}

}  // namespace fred
