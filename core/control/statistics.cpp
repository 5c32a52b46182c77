#include "core/control/statistics.h"

#include <fmt/format.h>

#include "core/dispatch/foreign_access.h"
#include "core/dispatch/guest_engine.h"
#include "core/dispatch/lockstep.h"
#include "core/dispatch/watch_check.h"
#include "core/threads/threads.h"

namespace fred {

std::string statistics_text(GuestEngine& e) {
  std::string text;
#define STATISTIC(name, value, meaning) text += fmt::format("{}: {}\n", name, value);
#include "core/control/statistics.def"
#undef STATISTIC
  return text;
}

}  // namespace fred
