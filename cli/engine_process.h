// An engine process and the socket to it.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/control/message.h"

namespace fred {

/// What `fred run` and `fred record` take besides the program.
struct EngineCommand {
  std::string mode;                  // run or record
  std::string dir;                   // of the recording
  int lifeline = -1;                 // RecordingFolder::lifeline()
  std::vector<std::string> options;  // passed on as they are
  std::string program;               // found as a shell would
  std::vector<std::string> args;     // argv, args[0] included
};

/// Replaces this process by the engine, which runs the program. Comes back only with an error.
Error exec_engine(const EngineCommand& command, int control_fd);

/// Forks and executes the engine.
struct EngineProcess {
  pid_t pid = -1;
  int control = -1;
};
Result<EngineProcess> start_engine(const EngineCommand& command);

}  // namespace fred
