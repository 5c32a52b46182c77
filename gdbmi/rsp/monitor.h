// gdb's `monitor COMMAND`: what fred can tell that gdb has no word for.
#pragma once
#include <string>
#include <string_view>

#include "reverse/session/session.h"

namespace fred::remote {

std::string answer_monitor(Session& session, std::string_view command);

}  // namespace fred::remote
