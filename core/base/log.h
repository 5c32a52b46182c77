// FRED_LOG=translate:debug,syscall:info  — a level per module; a module is named where it logs.
// Off costs one load and a branch.
#pragma once
#include <fmt/format.h>

#include <string_view>

#include "core/base/error.h"

namespace fred {

enum class LogLevel : unsigned char { off, info, debug };

/// The modules; FRED_LOG accepts these names and `all`.
#define FRED_LOG_MODULES(M) \
  M(elf) M(memory) M(translate) M(cache) M(dispatch) M(syscall) M(signal) M(trace) M(control) M(snapshot)

enum class LogModule : unsigned char {
#define M(name) name,
  FRED_LOG_MODULES(M)
#undef M
      count_
};

/// Sets the levels from a specification as in FRED_LOG. A bad one changes nothing.
Result<> set_log_levels(std::string_view spec);

namespace detail {
extern LogLevel log_levels[static_cast<int>(LogModule::count_)];
void log_line(LogModule module, const std::string& text);
}  // namespace detail

inline bool log_enabled(LogModule m, LogLevel l) { return detail::log_levels[static_cast<int>(m)] >= l; }

}  // namespace fred

#define FRED_LOG_AT(module, level, ...)                                                       \
  do {                                                                                        \
    if (::fred::log_enabled(::fred::LogModule::module, ::fred::LogLevel::level)) [[unlikely]] \
      ::fred::detail::log_line(::fred::LogModule::module, fmt::format(__VA_ARGS__));          \
  } while (0)
#define LOG_INFO(module, ...) FRED_LOG_AT(module, info, __VA_ARGS__)
#define LOG_DEBUG(module, ...) FRED_LOG_AT(module, debug, __VA_ARGS__)
