// Numbers about an engine process, from one table (statistics.def).
#pragma once
#include <string>

namespace fred {

class GuestEngine;

/// A line "name: value" for each row.
std::string statistics_text(GuestEngine& engine);

}  // namespace fred
