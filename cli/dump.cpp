// `fred dump`: the event log as text, a line for each event and its items.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include "cli/commands.h"
#include "core/base/number.h"
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
    case ItemKind::order: {
      u64 n;
      std::memcpy(&n, item.bytes.data(), sizeof n);
      fmt::print(" #{}", n);
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

/// The numbers of the processes that have a log, in order.
std::vector<u32> processes_in(const std::string& dir) {
  std::vector<u32> numbers{1};
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(dir, ignored)) {
    const auto name = file.path().filename().string();
    constexpr std::string_view prefix = "events.";
    if (!name.starts_with(prefix)) continue;
    if (const auto number = whole_number<u32>(name.substr(prefix.size())); number && *number > 1) {
      numbers.push_back(*number);
    }
  }
  std::ranges::sort(numbers);
  return numbers;
}

/// What the first event of its log says of a process. Nothing: it died before that was written.
std::optional<ProcessPlace> place_in(const std::string& dir, u32 number) {
  LogReader log;
  ProcessPlace place;
  if (!log.open(log_path(dir, number)) || !log.peek_value(&place, sizeof place)) return std::nullopt;
  return place;
}

constexpr const char* to_string(ProcessOrigin origin) {
  switch (origin) {
    case ProcessOrigin::started:
      return "started";
    case ProcessOrigin::forked:
      return "forked";
    case ProcessOrigin::executed:
      return "executed";
  }
  return "?";
}

void print_others(const std::string& dir, u32 shown) {
  const auto numbers = processes_in(dir);
  if (numbers.size() == 1) return;
  fmt::print("other processes (fred dump --process=N):\n");
  for (const u32 number : numbers) {
    if (number == shown) continue;
    const auto place = place_in(dir, number);
    if (!place) {
      fmt::print("  {}: ended before its first event\n", number);
    } else if (place->parent == 0) {
      fmt::print("  {}: pid {}, {}\n", number, place->pid, to_string(place->origin));
    } else {
      fmt::print("  {}: pid {}, {} by {} at its event {}\n", number, place->pid, to_string(place->origin),
                 place->parent, place->parent_event);
    }
  }
}

/// Opens the log of a process, or says which there are.
Result<> open_log(LogReader& log, const std::string& dir, u32 process) {
  auto opened = log.open(log_path(dir, process));
  if (opened || process == 1 || access(log_path(dir).c_str(), R_OK) != 0) return opened;
  const auto numbers = processes_in(dir);
  const auto which = numbers.size() == 1
                         ? "there is only process 1"
                         : fmt::format("there are 1 to {}, but for those that were not recorded", numbers.back());
  return fail(fmt::format("no process {} in {}: {}", process, dir, which));
}

}  // namespace

int dump_calls(const std::string& dir, u32 process) {
  LogReader log;
  if (auto r = open_log(log, dir, process); !r) return failed(r.error().message);
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

int dump(const std::string& dir, u32 process) {
  LogReader log;
  if (auto r = open_log(log, dir, process); !r) return failed(r.error().message);
  for (u64 n = 0; const auto* next = log.next(); ++n) {
    const EventHeader event = *next;
    fmt::print("{} {}:{:#x}", n, event.ticks, event.pc);
    if (next->rest() != 0) fmt::print("+{}", next->rest());
    if (event.phase != 0) fmt::print("'");
    fmt::print(" {} {}", to_string(event.kind), detail(event));
    for (LogReader::Item item; log.item(item);) print_item(item, event);
    fmt::print("\n");
  }
  print_others(dir, process);
  return 0;
}

}  // namespace fred
