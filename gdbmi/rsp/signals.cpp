#include "gdbmi/rsp/signals.h"

#include <csignal>

namespace fred::remote {

namespace {
struct Row {
  int linux_number;
  u8 gdb_number;
};
constexpr Row rows[] = {
#define SIGNAL(name, number) {name, number},
#include "gdbmi/rsp/signals.def"
#undef SIGNAL
    // Kernel numbers: the first real-time signals are glibc's own. GDB_SIGNAL_REALTIME_33 to _63 follow each other.
    {32, 77},
    {64, 78},
};
constexpr int first_regular = 33, last_regular = 63;
constexpr u8 gdb_first_regular = 45, gdb_unknown = 143;
}  // namespace

u8 gdb_signal(int linux_signal) {
  if (linux_signal >= first_regular && linux_signal <= last_regular) {
    return static_cast<u8>(gdb_first_regular + linux_signal - first_regular);
  }
  for (const auto& row : rows) {
    if (row.linux_number == linux_signal) return row.gdb_number;
  }
  return linux_signal == 0 ? 0 : gdb_unknown;
}

std::optional<int> linux_signal(u8 gdb_signal) {
  if (gdb_signal >= gdb_first_regular && gdb_signal <= gdb_first_regular + last_regular - first_regular) {
    return first_regular + gdb_signal - gdb_first_regular;
  }
  for (const auto& row : rows) {
    if (row.gdb_number == gdb_signal) return row.linux_number;
  }
  return std::nullopt;
}

}  // namespace fred::remote
