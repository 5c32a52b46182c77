// core/base: the order of Time, ranges, the FRED_LOG parser, errors.

#include <algorithm>
#include <cerrno>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/base/types.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "test.h"

using namespace fred;

namespace {
Time at(u64 ticks, u64 pc, u64 rest = 0, u8 phase = 0) { return {ticks, GuestAddr{pc}, rest, phase}; }

LogLevel level_of(LogModule m) { return detail::log_levels[static_cast<int>(m)]; }

/// Puts the levels back as they were, whatever a test sets.
struct KeepLevels {
  std::vector<LogLevel> saved{std::begin(detail::log_levels), std::end(detail::log_levels)};
  ~KeepLevels() { std::copy(saved.begin(), saved.end(), detail::log_levels); }
};
}  // namespace

TEST_CASE("Time orders by ticks, then pc, then rest, then phase") {
  const std::vector<Time> ascending = {
      at(0, 0),         at(0, 0x401000),       at(0, 0xffffffffff600000), at(1, 0x1000),
      at(1, 0x1000, 1), at(1, 0x1000, 1, 1),   at(1, 0x1000, 2),          at(1, 0x1001),
      at(2, 0x10),      at(0x100000000, 0x10), at(~0ULL, 0x10),           at(~0ULL, ~0ULL, ~0ULL, 1),
  };
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK((ascending[i] < ascending[j]) == (i < j));
      CHECK((ascending[i] == ascending[j]) == (i == j));
    }
  }
}

TEST_CASE("a default Time is the first one") { CHECK(Time{} <= at(0, 0)); }

TEST_CASE("addresses of the guest and of the cache do not mix") {
  CHECK_FALSE(std::is_convertible_v<GuestAddr, CacheAddr>);
  CHECK_FALSE(std::is_convertible_v<CacheAddr, GuestAddr>);
  CHECK_FALSE(std::is_convertible_v<u64, GuestAddr>);
  CHECK_FALSE(std::is_convertible_v<u64, EventNumber>);
  CHECK_FALSE(std::is_constructible_v<GuestAddr, CacheAddr>);
}

TEST_CASE("address arithmetic and pages") {
  const GuestAddr a{0x401ffe};
  CHECK((a + 4).value == 0x402002);
  CHECK((a - 0xffe).value == 0x401000);
  CHECK((a + 4) - a == 4);
  CHECK(page_floor(0x401ffe) == 0x401000);
  CHECK(page_floor(0x401000) == 0x401000);
  CHECK(page_ceil(0x401001) == 0x402000);
  CHECK(page_ceil(0x401000) == 0x401000);
  CHECK(page_ceil(0) == 0);
  CHECK_FALSE(static_cast<bool>(CacheAddr{}));
  CHECK(static_cast<bool>(CacheAddr{1}));
}

TEST_CASE("ranges are half open") {
  const auto r = guest_range(GuestAddr{0x1000}, 0x1000);
  CHECK(r.size() == 0x1000);
  CHECK_FALSE(r.empty());
  CHECK(r.contains(GuestAddr{0x1000}));
  CHECK(r.contains(GuestAddr{0x1fff}));
  CHECK_FALSE(r.contains(GuestAddr{0x2000}));
  CHECK_FALSE(r.contains(GuestAddr{0xfff}));
  CHECK(r.overlaps(guest_range(GuestAddr{0x1fff}, 1)));
  CHECK_FALSE(r.overlaps(guest_range(GuestAddr{0x2000}, 1)));
  CHECK_FALSE(r.overlaps(guest_range(GuestAddr{0x0}, 0x1000)));
  CHECK(guest_range(GuestAddr{0x1000}, 0).empty());
}

TEST_CASE("FRED_LOG sets the modules it names") {
  KeepLevels keep;
  REQUIRE(set_log_levels("translate:debug,syscall:info"));
  CHECK(level_of(LogModule::translate) == LogLevel::debug);
  CHECK(level_of(LogModule::syscall) == LogLevel::info);
  CHECK(level_of(LogModule::memory) == LogLevel::off);
  CHECK(log_enabled(LogModule::translate, LogLevel::info));
  CHECK(log_enabled(LogModule::translate, LogLevel::debug));
  CHECK(log_enabled(LogModule::syscall, LogLevel::info));
  CHECK_FALSE(log_enabled(LogModule::syscall, LogLevel::debug));
  CHECK_FALSE(log_enabled(LogModule::memory, LogLevel::info));
}

TEST_CASE("FRED_LOG: a bare name is info, the last one wins, nothing is off") {
  KeepLevels keep;
  REQUIRE(set_log_levels("signal"));
  CHECK(level_of(LogModule::signal) == LogLevel::info);
  REQUIRE(set_log_levels("all:debug,signal:off"));
  CHECK(level_of(LogModule::signal) == LogLevel::off);
  for (int i = 0; i < static_cast<int>(LogModule::count_); ++i) {
    const auto m = static_cast<LogModule>(i);
    if (m != LogModule::signal) CHECK(level_of(m) == LogLevel::debug);
  }
  REQUIRE(set_log_levels(""));
  for (int i = 0; i < static_cast<int>(LogModule::count_); ++i)
    CHECK(level_of(static_cast<LogModule>(i)) == LogLevel::off);
}

TEST_CASE("a bad FRED_LOG names what is wrong and changes nothing") {
  KeepLevels keep;
  REQUIRE(set_log_levels("trace:debug"));
  for (const char* spec : {"nonsense", "elf:loud", "elf:", ":info", "elf:info,,", "elf:debug,nonsense:info"}) {
    CAPTURE(spec);
    const auto result = set_log_levels(spec);
    REQUIRE_FALSE(result);
    CHECK(result.error().message.starts_with("FRED_LOG: "));
    CHECK(level_of(LogModule::trace) == LogLevel::debug);
    CHECK(level_of(LogModule::elf) == LogLevel::off);
  }
  const auto unknown = set_log_levels("elf:debug,nonsense:info");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message == "FRED_LOG: no module 'nonsense'");
  const auto level = set_log_levels("elf:loud");
  REQUIRE_FALSE(level);
  CHECK(level.error().message.find("'elf:loud'") != std::string::npos);
}

TEST_CASE("errors carry a code and one line") {
  const Result<int> plain = fail("no such thing");
  REQUIRE_FALSE(plain);
  CHECK(plain.error().code == 0);
  CHECK(plain.error().message == "no such thing");

  const Result<> system = fail_errno(ENOENT, "cannot open 'x'");
  REQUIRE_FALSE(system);
  CHECK(system.error().code == ENOENT);
  CHECK(system.error().message == "cannot open 'x': No such file or directory");
  CHECK(system.error().message.find('\n') == std::string::npos);
}

TEST_CASE("raw system calls give the kernel's own results") {
  CHECK(raw_syscall(SYS_getpid) == getpid());
  errno = 0;
  CHECK(raw_syscall(SYS_close, ~0ULL) == -EBADF);
  CHECK(errno == 0);
  CHECK(is_error(-EBADF));
  CHECK(is_error(-4095));
  CHECK_FALSE(is_error(-4096));
  CHECK_FALSE(is_error(0));
  CHECK_FALSE(is_error(0x7ffff000));
}
