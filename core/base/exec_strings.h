// The strings of an argv or an environment, as execve wants them, and on their way to an engine: the guest's
// environment is not the engine's own (a guest's LD_PRELOAD, say, is not for it), so it goes as a file.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace fred {

/// Their pointers, and a null one; the strings must stay.
std::vector<char*> pointers_to(std::vector<std::string>& strings);

/// As one text, each with its NUL; and from there.
std::string joined(std::span<const std::string> strings);
std::vector<std::string> separated(const std::string& text);

/// An open file with that text; executing keeps it open. The caller closes it.
Result<int> environment_file(std::span<const std::string> environment);

}  // namespace fred
