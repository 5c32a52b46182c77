// The end of a recording whose processes go on (docs/ATTACH.md).
#pragma once
#include <chrono>

#include "cli/process_list.h"
#include "cli/recording_folder.h"
#include "core/control/peer.h"

namespace fred {

/// How long it may take until a process has been left.
inline constexpr std::chrono::seconds longest_leave{10};

/// Ends the recording of an attached program, which goes on natively, and waits until that is done.
void leave(Peer&& live, const RecordingFolder& folder);
/// The same of what it has started and still runs.
void leave(ProcessList& processes, const RecordingFolder& folder);

}  // namespace fred
