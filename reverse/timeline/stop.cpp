#include "reverse/timeline/stop.h"

#include <cerrno>

#include "reverse/timeline/own_conditions.h"

namespace fred {

Result<Stop> stop_of(const RunStop& run) {
  TravelEnd end{};
  switch (run.end) {
    case RunEnd::limit:
      end = TravelEnd::arrived;
      break;
    case RunEnd::hit:
      end = TravelEnd::hit;
      break;
    case RunEnd::interrupted:
      return interrupted();
    case RunEnd::history_end:
      end = TravelEnd::history_end;
      break;
    case RunEnd::guest_end:
      end = TravelEnd::guest_end;
      break;
  }
  return Stop{end, run.time, OwnConditions::users(run.hits)};
}

std::unexpected<Error> interrupted() { return std::unexpected(Error{EINTR, "interrupted"}); }
bool is_interrupted(const Error& error) { return error.code == EINTR; }

}  // namespace fred
