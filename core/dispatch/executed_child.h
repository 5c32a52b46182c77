// The program that a vfork child executes, as a recorded process of its own: the child shares its parent's memory, so
// that nothing can be loaded in place; the engine itself is executed again.
#pragma once
#include <string>
#include <vector>

#include "core/dispatch/guest_engine.h"

namespace fred {

/// In a vfork child that is recorded. Comes back if that is not to be (the program cannot be recorded, or does not
/// exist, which the kernel says best) or fails.
void execute_engine(GuestEngine& engine, const std::string& path, std::vector<std::string>& args,
                    std::vector<std::string>& env);

}  // namespace fred
