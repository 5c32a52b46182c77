#include "core/threads/time_limit.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <iterator>

#include "core/base/raw_syscall.h"
#include "core/memory/guest_access.h"

namespace fred {

namespace {

constexpr i64 second = 1000000000, millisecond = 1000000;
constexpr i64 longest = i64{1} << 61;  // some 73 years

enum class Kind : u8 { timespec, milliseconds };

/// System calls with a limit that counts from their begin.
constexpr struct LimitedCall {
  u64 number;
  i32 argument;
  Kind kind;
} rows[] = {
    {SYS_poll, 2, Kind::milliseconds},        {SYS_epoll_wait, 3, Kind::milliseconds},
    {SYS_epoll_pwait, 3, Kind::milliseconds}, {SYS_epoll_pwait2, 3, Kind::timespec},
    {SYS_nanosleep, 0, Kind::timespec},       {SYS_clock_nanosleep, 2, Kind::timespec},
    {SYS_rt_sigtimedwait, 2, Kind::timespec}, {SYS_semtimedop, 3, Kind::timespec},
    {SYS_futex, 3, Kind::timespec},
};

/// False: the same argument of this call is no such limit.
bool counts_from_begin(u64 number, const u64 (&args)[6]) {
  if (number == SYS_clock_nanosleep) return (args[1] & TIMER_ABSTIME) == 0;
  if (number == SYS_futex) return (args[1] & FUTEX_CMD_MASK) == FUTEX_WAIT;
  return true;
}

/// The clock that a limit is kept on: one that is set does not change how long a call waits.
i32 clock_of(u64 number, const u64 (&args)[6]) {
  if (number != SYS_clock_nanosleep) return CLOCK_MONOTONIC;
  const i32 clock = static_cast<i32>(args[0]);
  return clock == CLOCK_REALTIME || clock == CLOCK_TAI ? CLOCK_MONOTONIC : clock;
}

}  // namespace

i64 TimeLimit::now(i32 clock) {
  KernelTimespec t;
  raw_syscall(SYS_clock_gettime, static_cast<u64>(static_cast<i64>(clock)), reinterpret_cast<u64>(&t));
  return t.seconds * second + t.nanoseconds;
}

TimeLimit::TimeLimit(u64 number, const u64 (&args)[6]) {
  const auto* row =
      std::find_if(std::begin(rows), std::end(rows), [&](const LimitedCall& r) { return r.number == number; });
  if (row == std::end(rows) || !counts_from_begin(number, args)) return;
  const u64 given = args[row->argument];
  i64 wait;
  if (row->kind == Kind::milliseconds) {
    const i32 ms = static_cast<i32>(given);
    if (ms <= 0) return;
    wait = ms * millisecond;
  } else {
    KernelTimespec t;
    // What the kernel refuses it is to refuse each time.
    if (given == 0 || !guest_read(&t, GuestAddr{given}, sizeof t) || !t.valid()) return;
    wait = t.seconds >= longest / second ? longest : t.seconds * second + t.nanoseconds;
    if (wait == 0) return;
  }
  clock_ = clock_of(number, args);
  end_ = std::min(now(clock_), longest) + wait;
  milliseconds_ = row->kind == Kind::milliseconds;
  argument_ = row->argument;
}

void TimeLimit::shorten(u64 (&args)[6]) {
  if (argument_ < 0) return;
  const i64 left = std::max<i64>(end_ - now(clock_), 0);
  if (milliseconds_) {
    args[argument_] = static_cast<u64>((left + millisecond - 1) / millisecond);
    return;
  }
  left_ = {left / second, left % second};
  args[argument_] = reinterpret_cast<u64>(&left_);
}

}  // namespace fred
