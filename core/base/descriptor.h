// The engine's own descriptors lie high, out of the way of the guest's.
#pragma once
#include "core/base/types.h"

namespace fred {

/// Moves a descriptor to the engine's range (close-on-exec) and closes the old one. Returns the new one,
/// or -errno.
i64 raise_descriptor(i64 fd);

/// True for descriptors in the engine's range that the engine has open.
bool is_engine_descriptor(i64 fd);
void close_engine_descriptor(i64 fd);
/// All that are in use but this one.
void close_engine_descriptors(i64 but);

}  // namespace fred
