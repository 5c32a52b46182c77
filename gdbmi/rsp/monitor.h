// gdb's `monitor COMMAND`: what fred can tell that gdb has no word for.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "reverse/session/session.h"

namespace fred::remote {

/// What the commands are about.
struct Monitored {
  Session& session;
  std::function<void(std::vector<ProcessCondition::Event>)> catch_backwards;
};

std::string answer_monitor(const Monitored& monitored, std::string_view command);

}  // namespace fred::remote
