#include "reverse/session/event_order.h"

#include <algorithm>
#include <cstring>

#include "core/trace/log_file.h"

namespace fred {

namespace {

/// 0: it is not numbered.
u64 order_of_next(LogReader& log) {
  (void)log.next();
  u64 order = 0;
  for (LogReader::Item item; log.item(item);) {
    if (item.kind == ItemKind::order && item.bytes.size() == sizeof order) {
      std::memcpy(&order, item.bytes.data(), sizeof order);
    }
  }
  return order;
}

}  // namespace

Result<u64> order_before(const std::string& path, const Time& time) {
  LogReader log;
  if (auto opened = log.open(path); !opened) return std::unexpected(opened.error());
  u64 last = 0;
  for (const auto* event = log.peek(); event != nullptr && event->time() < time; event = log.peek()) {
    last = std::max(last, order_of_next(log));
  }
  return last;
}

Result<std::optional<Time>> time_after(const std::string& path, u64 order) {
  LogReader log;
  if (auto opened = log.open(path); !opened) return std::unexpected(opened.error());
  for (const auto* event = log.peek(); event != nullptr; event = log.peek()) {
    const Time time = event->time();
    if (order_of_next(log) > order) return time;
  }
  return std::nullopt;
}

Result<bool> sees_others_at(const std::string& path, const Time& time) {
  LogReader log;
  if (auto opened = log.open(path); !opened) return std::unexpected(opened.error());
  for (const auto* event = log.peek(); event != nullptr && event->time() <= time; event = log.peek()) {
    if (event->kind == EventKind::turn && event->time() == time) return true;
    (void)log.next();
    for (LogReader::Item item; log.item(item);) {
    }
  }
  return false;
}

}  // namespace fred
