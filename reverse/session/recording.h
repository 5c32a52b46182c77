// What the processes of one recording have in common, while a session debugs some of them.
#pragma once
#include <map>

#include "cli/engine_process.h"
#include "reverse/session/program.h"

namespace fred {

struct Session::Recording {
  Recording(RecordingFolder recording, bool of_attached)
      : folder(std::move(recording)), attached(of_attached), processes(folder, attached) {}
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  RecordingFolder folder;
  const bool attached;    // to the first process: all of them outlive the recording
  EngineCommand command;  // with which the first process was started, or could be re-executed
  Children children;
  ProcessList processes;
  std::map<u32, std::unique_ptr<Program>> programs;  // those that are debugged, by number
};

inline Session::Program::Program(Recording& recording, RecordedProcess& recorded)
    : children(recording.children),
      process(recorded),
      folder(recording.folder),
      attached(recording.attached),
      snapshots(children) {}

}  // namespace fred
