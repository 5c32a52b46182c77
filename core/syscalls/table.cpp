#include "core/syscalls/table.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/utsname.h>

#include <fmt/format.h>

#include <cerrno>
#include <initializer_list>
#include <iterator>

#include "core/syscalls/handlers.h"

namespace fred {
namespace {

using namespace syscall_args;
using enum Written;

constexpr bool quick = false;
constexpr bool blocks = true;

constexpr Row make_row(const char* name, RowClass cls, bool may_block, SyscallHandler handler,
                       std::initializer_list<Arg> args) {
  Row row{.name = name, .cls = cls, .blocks = may_block, .args = {}, .handler = handler};
  int i = 0;
  for (const Arg& arg : args) {
    row.args[i] = arg;
    if (arg.kind == ArgKind::fd) row.fds |= static_cast<u8>(1 << i);
    if (arg.kind == ArgKind::out) row.outs |= static_cast<u8>(1 << i);
    ++i;
  }
  return row;
}

constexpr Row refused_row(const char* name, RowClass cls, int error, const char* reason) {
  return Row{.name = name, .cls = cls, .error = static_cast<u16>(error), .args = {}, .reason = reason};
}

struct Numbered {
  u32 number;
  Row row;
};

constexpr Numbered numbered_rows[] = {
#define CALL(number, name, block, ...) {number, make_row(#name, RowClass::walked, block, nullptr, {__VA_ARGS__})},
#define OWN(number, name, block, ...) {number, make_row(#name, RowClass::handled, block, &sys_##name, {__VA_ARGS__})},
#define REFUSED(number, name, error, reason) {number, refused_row(#name, RowClass::refused, error, reason)},
#define ABSENT(number, name) {number, refused_row(#name, RowClass::absent, ENOSYS, "no current kernel has it")},
#include "core/syscalls/syscalls.def"
};

constexpr u32 gap_first = 337, gap_last = 423;  // never used on x86-64
constexpr Row gap_row = refused_row("unused", RowClass::absent, ENOSYS, "the number is not in use");

consteval bool numbers_rise() {
  for (size_t i = 1; i < std::size(numbered_rows); ++i)
    if (numbered_rows[i].number <= numbered_rows[i - 1].number) return false;
  return true;
}
static_assert(numbers_rise());
static_assert(std::size(numbered_rows) == syscall_count - (gap_last - gap_first + 1), "a number has no row");

/// What an argument refers to must exist and make sense.
constexpr bool consistent(const Row& row) {
  for (int i = 0; i < 6; ++i) {
    const Arg& arg = row.args[i];
    if (i > 0 && arg.kind != ArgKind::none && row.args[i - 1].kind == ArgKind::none) return false;
    if (arg.kind == ArgKind::out && arg.length.kind == LengthKind::none) return false;
    if (arg.length.kind == LengthKind::none) continue;
    if (arg.kind != ArgKind::out && arg.kind != ArgKind::in) return false;
    if (arg.kind == ArgKind::in && arg.length.kind == LengthKind::word) return false;
    if (arg.length.unit == 0) return false;
    if (arg.length.kind == LengthKind::fixed) continue;
    if (arg.length.arg == i || arg.length.arg > 5) return false;
    const ArgKind other = row.args[arg.length.arg].kind;
    if (other != (arg.length.kind == LengthKind::word ? ArgKind::word : ArgKind::num)) return false;
  }
  return true;
}
consteval bool all_consistent() {
  for (const Numbered& n : numbered_rows)
    if (!consistent(n.row)) return false;
  return true;
}
static_assert(all_consistent());

struct Rows {
  Row rows[syscall_count];
};
consteval Rows by_number() {
  Rows all{};
  for (u32 n = gap_first; n <= gap_last; ++n) all.rows[n] = gap_row;
  for (const Numbered& n : numbered_rows) all.rows[n.number] = n.row;
  return all;
}
constexpr Rows all_rows = by_number();
constexpr Row no_abi_row =
    refused_row("no call", RowClass::absent, ENOSYS, "negative, or of the x32 interface, which kernels leave out");
}  // namespace

const Row* find_row(u64 number) {
  const u32 n = static_cast<u32>(number);
  if (n < syscall_count) [[likely]]
    return &all_rows.rows[n];
  return n >= 0x40000000 ? &no_abi_row : nullptr;
}

std::string syscall_name(u64 number) {
  const Row* row = find_row(number);
  if (row == nullptr || row == &no_abi_row || row->name == gap_row.name)
    return fmt::format("system call {}", static_cast<i32>(number));
  return row->name;
}

}  // namespace fred
