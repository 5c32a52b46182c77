#include "core/syscalls/walker.h"

#include "core/base/log.h"
#include "core/engine.h"
#include "core/memory/guest_memory.h"
#include "core/syscalls/foreign_arguments.h"
#include "core/syscalls/memory.h"
#include "core/syscalls/self_memory.h"
#include "core/syscalls/table.h"
#include "core/syscalls/walk.h"

namespace fred {
namespace {

[[gnu::noinline, gnu::cold]] i64 unknown_number(Syscall& call) {
  const u32 number = static_cast<u32>(call.number());
  call.engine().notice_once(number, fmt::format("the program used system call {}, which fred does not know: it was "
                                                "told that the kernel does not have it (ENOSYS)",
                                                number));
  return -ENOSYS;
}

[[gnu::noinline, gnu::cold]] i64 refuse(const Row& row) {
  LOG_INFO(syscall, "{} refused with errno {}: {}", row.name, row.error, row.reason);
  return -static_cast<i64>(row.error);
}

/// As many arguments as the call has.
std::string arguments_text(const Syscall& call, const Row* row) {
  std::string text;
  for (int i = 0; i < 6 && (row == nullptr || row->args[i].kind != ArgKind::none); ++i) {
    if (i > 0) text += ", ";
    // Small numbers, negative ones too, are easier read as such.
    const i64 number = static_cast<i64>(call.arg(i));
    text += number > -4096 && number < 4096 ? fmt::format("{}", number) : fmt::format("{:#x}", call.arg(i));
  }
  return text;
}

i64 run_row(Syscall& call, const Row* row) {
  if (row == nullptr) [[unlikely]]
    return unknown_number(call);
  switch (row->cls) {
    case RowClass::walked:
      return walk(call, *row);
    case RowClass::handled:
      if (touches_engine(call, *row)) return -EBADF;
      return row->handler(call);
    case RowClass::refused:
    case RowClass::absent:
    case RowClass::none:
      break;
  }
  return refuse(*row);
}

}  // namespace

i64 run_syscall(Syscall& call) {
  const Row* row = find_row(call.number());
  if (call.engine().memory().foreign().any() && call.mode() != Mode::run) [[unlikely]]
    fetch_arguments(call);
  const i64 result = run_row(call, row);
  if (!call.event_closed()) {  // else it has begun a process, and all of it is logged
    if (call.engine().memory().mirrors_files()) [[unlikely]]
      mirror_file_changes(call, result);
    if (memory_was_opened()) [[unlikely]]
      mirror_memory_writes(call, result);
  }
  LOG_DEBUG(syscall, "{}({}) = {}", syscall_name(call.number()), arguments_text(call, row), result);
  return result;
}

i64 walk_row(Syscall& call) { return walk(call, *find_row(call.number())); }

}  // namespace fred
