// One recorded run of a program, which `fred record` makes once and --chaos-until-failure many times.
#pragma once
#include <array>

#include "cli/commands.h"
#include "cli/recording_folder.h"

namespace fred {

struct RecordSetup {
  RecordingFolder& folder;
  std::array<int, 3> standard = {-1, -1, -1};  // descriptors that become the program's 0, 1 and 2
  bool end_deadlocks = false;                  // a program whose threads wait for each other for ever is ended
};

struct RecordedRun {
  int status = 125;    // fred's exit status for it
  bool whole = false;  // the program has run to its end, or into a deadlock that was ended; else a line has said why
  int signal = 0;      // that it died of
  std::string deadlock = {};  // which threads wait where, if it was ended for that
};

/// Signals to fred itself go to the program from here on, but for those of the terminal, which reach it by themselves.
void prepare_to_record();
/// What ended or stopped the program came from the user: SIGINT, SIGQUIT, or a signal that was sent to fred. Else 0.
int signal_of_user();

RecordedRun record_once(const RunOptions& options, const RecordSetup& setup);

}  // namespace fred
