// Where a command that moves time ended, and why.
#pragma once
#include <stop_token>
#include <vector>

#include "core/base/error.h"
#include "reverse/execution.h"

namespace fred {

enum class Direction : u8 { forward, backward };

/// Why a command of time travel ended.
enum class TravelEnd : u8 {
  arrived,        // the command did what it says
  hit,            // a condition held on the way
  history_begin,  // the start of history: nothing is recorded before
  history_end,    // live stands here
  guest_end,      // the program ends here
  interrupted,    // the position is the one from before the command
};

struct Stop {
  TravelEnd end{};
  Time time;
  std::vector<Hit> hits;  // all conditions that held at `time` (a watch: that hold as its instruction executes)
};

/// A run as a command's end; its own conditions are not the user's hits. An Error if it was interrupted.
Result<Stop> stop_of(const RunStop& run);

/// How much of an execution is traced instruction by instruction before intervals are searched by conditions.
struct Tuning {
  u64 first_trace = 512;  // points asked for at first; doubled each time
  u64 near = 16384;       // a call that is longer than this is searched for by conditions
};

/// The error of what was interrupted; its code is EINTR.
std::unexpected<Error> interrupted();
bool is_interrupted(const Error& error);

}  // namespace fred
