// Takes a running program under an engine that is started within its process (docs/ATTACH.md).
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "cli/engine_process.h"
#include "cli/recording_folder.h"
#include "core/control/peer.h"

namespace fred {

struct Attached {
  Peer live;
  std::vector<std::string> args;  // argv
};

/// On an error the program goes on as before. `engine`: options of the engine.
Result<Attached> attach(pid_t pid, const RecordingFolder& folder, const std::vector<std::string>& engine);

/// With which an engine re-executes what such a program has executed.
EngineCommand replay_command(const Attached& attached, const RecordingFolder& folder,
                             const std::vector<std::string>& engine);

}  // namespace fred
