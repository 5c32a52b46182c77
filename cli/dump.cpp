// `fred dump`: the event log as text, a line for each event and its items.
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>

#include "cli/commands.h"
#include "core/syscalls/table.h"
#include "core/trace/log_file.h"

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
    case ItemKind::hash:
      return;
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
    case ItemKind::output:
      fmt::print(" [{:#x}, {} bytes: {}]", item.at.value, item.bytes.size(), preview(item.bytes));
      return;
    case ItemKind::value:
      fmt::print(" <{} bytes: {}>", item.bytes.size(), preview(item.bytes));
      return;
  }
}

}  // namespace

int dump(const std::string& dir) {
  LogReader log;
  if (auto r = log.open(log_path(dir)); !r) return failed(r.error().message);
  for (u64 n = 0; const auto* next = log.next(); ++n) {
    const EventHeader event = *next;
    fmt::print("{} {}:{:#x}", n, event.ticks, event.pc);
    if (event.rest != 0) fmt::print("+{}", event.rest);
    if (event.phase != 0) fmt::print("'");
    fmt::print(" {} {}", to_string(event.kind), detail(event));
    for (LogReader::Item item; log.item(item);) print_item(item, event);
    fmt::print("\n");
  }
  return 0;
}

}  // namespace fred
