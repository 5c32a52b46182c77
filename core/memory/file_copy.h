// Copying files for keeps, without expanding their holes.
#pragma once
#include "core/base/types.h"

namespace fred {

/// Makes `to` (empty, writable) a copy of all of `from` that shares its blocks. False if the file system
/// cannot.
bool clone_file(int to, int from);

/// Copies [begin, end) of `from` to the same place in `to`. Holes stay holes. Stops at the end of `from`.
/// The offsets of both descriptors stay as they are. 0 or -errno.
i64 copy_range(int to, int from, u64 begin, u64 end);

}  // namespace fred
