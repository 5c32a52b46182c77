// A descriptor that this process keeps open for as long as it works in the folder of the recording: whoever removes a
// temporary one waits for the last (cli/recording_folder.h).
#pragma once

namespace fred {

/// Takes the descriptor over, out of the guest's way.
void hold_lifeline(int fd);
/// -1: there is none.
int lifeline();
/// For a forked child that leaves the recording.
void release_lifeline();

}  // namespace fred
