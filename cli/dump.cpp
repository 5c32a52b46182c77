// `fred dump`: the event log as text, a line for each event and its items.
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "cli/commands.h"
#include "core/base/raw_syscall.h"
#include "core/syscalls/table.h"
#include "core/trace/log_file.h"
#include "core/tree/recorded_tree.h"

namespace fred {

namespace {

std::string detail(const EventHeader& event) {
  if (event.kind == EventKind::syscall) return std::string(syscall_name(event.detail));
  return std::to_string(event.detail);
}

/// The first bytes, printable ones as they are.
std::string preview(std::span<const u8> bytes) {
  std::string text;
  for (const u8 b : bytes.first(std::min<std::size_t>(bytes.size(), 32))) {
    if (b >= 0x20 && b < 0x7f) {
      text += static_cast<char>(b);
    } else {
      text += fmt::format("\\x{:02x}", b);
    }
  }
  return bytes.size() > 32 ? text + "…" : text;
}

void print_item(const LogReader::Item& item, const EventHeader& event) {
  switch (item.kind) {
    case ItemKind::registers: {
      if (event.kind != EventKind::syscall) return;
      Registers r;
      std::memcpy(&r, item.bytes.data(), sizeof r);
      fmt::print("({:#x}, {:#x}, {:#x}, {:#x}, {:#x}, {:#x})", r.gpr[rdi], r.gpr[rsi], r.gpr[rdx], r.gpr[r10],
                 r.gpr[r8], r.gpr[r9]);
      return;
    }
    case ItemKind::result: {
      i64 r;
      std::memcpy(&r, item.bytes.data(), sizeof r);
      fmt::print(" = {}", r);
      return;
    }
    case ItemKind::clock:
      fmt::print(" = 0 [{} bytes: {}]", item.bytes.size(), preview(item.bytes));
      return;
    case ItemKind::output:
      fmt::print(" [{:#x}, {} bytes: {}]", item.at.value, item.bytes.size(), preview(item.bytes));
      return;
    case ItemKind::value:
      fmt::print(" <{} bytes: {}>", item.bytes.size(), preview(item.bytes));
      return;
    case ItemKind::waits:
      fmt::print(" …");
      return;
  }
}

constexpr const char* to_string(RowClass cls) {
  switch (cls) {
    case RowClass::walked:
      return "walked";
    case RowClass::handled:
      return "handled";
    case RowClass::refused:
      return "refused";
    case RowClass::absent:
      return "absent";
    case RowClass::none:
      break;
  }
  return "none";
}

/// What the current event says of its result; a call whose result follows from the guest's state has none: no error.
bool succeeded(LogReader& log) {
  i64 result = 0;
  for (LogReader::Item item; log.item(item);) {
    if (item.kind == ItemKind::result) std::memcpy(&result, item.bytes.data(), sizeof result);
  }
  return !is_error(result);
}

}  // namespace

int dump_calls(const std::string& dir) {
  LogReader log;
  if (auto r = log.open(log_path(dir)); !r) return failed(r.error().message);
  struct Count {
    u64 made = 0, succeeded = 0;
  };
  std::vector<Count> counts(syscall_count);
  while (const auto* next = log.next()) {
    if (next->kind != EventKind::syscall || next->detail >= syscall_count) continue;
    auto& count = counts[next->detail];
    ++count.made;
    count.succeeded += succeeded(log) ? 1 : 0;
  }
  for (u32 n = 0; n < syscall_count; ++n) {
    const Row& row = *find_row(n);
    fmt::print("{} {} {} {} {}\n", n, row.name, to_string(row.cls), counts[n].made, counts[n].succeeded);
  }
  return 0;
}

int dump(const std::string& dir) {
  LogReader log;
  if (auto r = log.open(log_path(dir)); !r) return failed(r.error().message);
  for (u64 n = 0; const auto* next = log.next(); ++n) {
    const EventHeader event = *next;
    fmt::print("{} {}:{:#x}", n, event.ticks, event.pc);
    if (next->rest() != 0) fmt::print("+{}", next->rest());
    if (event.phase != 0) fmt::print("'");
    fmt::print(" {} {}", to_string(event.kind), detail(event));
    for (LogReader::Item item; log.item(item);) print_item(item, event);
    fmt::print("\n");
  }
  return 0;
}

}  // namespace fred
