// What the processes of one recording have in common, while a session debugs some of them.
#pragma once
#include <map>

#include "cli/engine_process.h"
#include "reverse/session/program.h"

namespace fred {

struct Session::Recording {
  Recording(RecordingFolder recording, EngineCommand engine)
      : folder(std::move(recording)),
        command(std::move(engine)),
        processes([this](pid_t process) { (void)folder.guard(process); }) {}
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  RecordingFolder folder;
  EngineCommand command;  // with which the first process was started
  Children children;
  ProcessList processes;
  std::map<u32, std::unique_ptr<Program>> programs;  // those that are debugged, by number
};

}  // namespace fred
