// Broken invariants of ours stop loudly, with context, in every build.
#pragma once
#include <fmt/format.h>

#include <functional>
#include <string>

namespace fred {

/// Prints "fred: internal error: …" with the place and the message on fred's own standard error, and
/// ends the process with status 125. Never returns; leaves no core file.
[[noreturn]] void die(const char* file, int line, const std::string& message);

/// Ends the process with one line for the user and status `status` (for what is not a bug of ours).
[[noreturn]] void quit(int status, const std::string& message);

/// Called with the line before die() and quit() end the process.
void on_failure(std::function<void(const std::string& line)> handler);

/// Where die() and quit() write: descriptor 2 until the engine moves its copy out of the guest's way.
void set_error_descriptor(int fd);
int error_descriptor();

}  // namespace fred

#define FRED_CHECK(cond, ...)                                                              \
  do {                                                                                     \
    if (!(cond)) [[unlikely]]                                                              \
      ::fred::die(__FILE__, __LINE__, std::string(#cond ": ") + fmt::format(__VA_ARGS__)); \
  } while (0)
#define FRED_DIE(...) ::fred::die(__FILE__, __LINE__, fmt::format(__VA_ARGS__))
