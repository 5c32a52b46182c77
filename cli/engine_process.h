// An engine process and the socket to it.
#pragma once
#include <sys/types.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/control/message.h"

namespace fred {

/// What the engine is started for.
struct EngineCommand {
  std::string mode;                  // run or record
  std::string dir;                   // of the recording
  int lifeline = -1;                 // RecordingFolder::lifeline()
  std::vector<std::string> options;  // passed on as they are
  std::string program;               // found as a shell would
  std::vector<std::string> args;     // argv, args[0] included

  // How the program's surroundings differ from fred's own.
  std::optional<std::vector<std::string>> environment = std::nullopt;
  std::string working_directory = {};
  std::array<int, 3> standard = {-1, -1, -1};  // descriptors that become 0, 1 and 2
  bool own_group = false;                      // a process group of its own
  std::string terminal = {};                   // its controlling terminal, in a session of its own, and 0, 1 and 2
  /// A shell expands the arguments after args[0] and does the redirections among them (shell_words.h). It is
  /// not part of what is recorded: it executes the engine.
  bool by_shell = false;
};

/// fred-engine lies beside fred.
std::string engine_path();

/// The terminal that EngineCommand names, "" being fred's own, can be read and written.
Result<> check_terminal(const std::string& path);

/// Replaces this process by the engine, which runs the program. Comes back only with an error.
Error exec_engine(const EngineCommand& command, int control_fd);

/// Forks and executes the engine.
struct EngineProcess {
  pid_t pid = -1;
  int control = -1;
};
Result<EngineProcess> start_engine(const EngineCommand& command);

}  // namespace fred
