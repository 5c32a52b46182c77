// The picture that `info timeline` prints.
#pragma once
#include <span>
#include <string>

#include "gdbmi/commands/travel_session.h"

namespace fred {

/// History as a line of `width` columns: snapshots '|', automatic stops '.', checkpoints 'c', bookmarks 'b', and '^'
/// below for where one is.
std::string timeline_bar(const Where& where, std::span<const SnapshotInfo> snapshots, std::span<const Mark> marks,
                         unsigned width);

}  // namespace fred
