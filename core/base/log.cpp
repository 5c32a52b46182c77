#include "core/base/log.h"

#include <sys/syscall.h>

#include <array>
#include <optional>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"

namespace fred {

namespace detail {
LogLevel log_levels[static_cast<int>(LogModule::count_)] = {};
}

namespace {
constexpr auto module_count = static_cast<std::size_t>(LogModule::count_);
constexpr std::array<std::string_view, module_count> module_names = {
#define M(name) #name,
    FRED_LOG_MODULES(M)
#undef M
};

std::optional<LogLevel> parse_level(std::string_view text) {
  if (text == "off") return LogLevel::off;
  if (text == "info") return LogLevel::info;
  if (text == "debug") return LogLevel::debug;
  return std::nullopt;
}
}  // namespace

void detail::log_line(LogModule module, const std::string& text) {
  const auto line = fmt::format("[{}] {}\n", module_names[static_cast<std::size_t>(module)], text);
  raw_syscall(SYS_write, static_cast<u64>(error_descriptor()), reinterpret_cast<u64>(line.data()), line.size());
}

Result<> set_log_levels(std::string_view spec) {
  std::array<LogLevel, module_count> levels{};
  while (!spec.empty()) {
    const auto item = spec.substr(0, spec.find(','));
    spec.remove_prefix(std::min(spec.size(), item.size() + 1));
    const auto colon = item.find(':');
    const auto name = item.substr(0, colon);
    const auto level = colon == item.npos ? LogLevel::info : parse_level(item.substr(colon + 1));
    if (!level) return fail(fmt::format("FRED_LOG: '{}' has no level among off, info, debug", item));
    bool known = name == "all";
    for (std::size_t i = 0; i < module_count; ++i) {
      if (name != "all" && name != module_names[i]) continue;
      levels[i] = *level;
      known = true;
    }
    if (!known) return fail(fmt::format("FRED_LOG: no module '{}'", name));
  }
  for (std::size_t i = 0; i < module_count; ++i) detail::log_levels[i] = levels[i];
  return {};
}

}  // namespace fred
