// Where conditions held last before a Time.
#pragma once
#include "reverse/execution.h"

namespace fred {

/// All hits at the last Time before `before` at which any of the conditions held; none: nowhere in history.
Result<std::vector<Hit>> last_hits(Execution& execution, const Time& before, const std::vector<Condition>& conditions);

}  // namespace fred
