// The table of system calls: complete, true to the headers; and the walker.
#include "core/syscalls/table.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/syscalls/ioctl_table.h"
#include "core/syscalls/walk.h"
#include "test.h"
#include "tests/unit/fake_call.h"

namespace {

using namespace fred;
using namespace fred::test;

// ---- The rows against the headers. ---------------------------------------------------------------------

/// The numbers of the installed header, read as text: a macro's name cannot be listed otherwise.
std::map<std::string, u32> header_numbers() {
  std::map<std::string, u32> numbers;
  for (const char* path : {"/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"}) {
    std::ifstream file(path);
    std::string define, name;
    u32 number;
    while (file >> define) {
      if (define == "#define" && file >> name && name.starts_with("__NR_") && file >> number)
        numbers[name.substr(5)] = number;
      file.clear();
    }
    if (!numbers.empty()) break;
  }
  return numbers;
}

TEST_CASE("every number of the system's header has a row of its name") {
  const auto numbers = header_numbers();
  REQUIRE(numbers.size() > 350);
  for (const auto& [name, number] : numbers) {
    const Row* row = find_row(number);
    REQUIRE_MESSAGE(row != nullptr, name);
    CHECK(std::string(row->name) == name);
    CHECK(row->cls != RowClass::none);
  }
}

TEST_CASE("every number up to the last has a row, and every refusal a reason") {
  for (u32 n = 0; n < syscall_count; ++n) {
    const Row* row = find_row(n);
    REQUIRE(row != nullptr);
    CAPTURE(n);
    CHECK(row->cls != RowClass::none);
    CHECK((row->handler != nullptr) == (row->cls == RowClass::handled));
    const bool refused = row->cls == RowClass::refused || row->cls == RowClass::absent;
    CHECK((row->error != 0) == refused);
    CHECK((row->reason != nullptr) == refused);
  }
  CHECK(find_row(syscall_count) == nullptr);
  CHECK(find_row(100000) == nullptr);
  CHECK(find_row(400)->error == ENOSYS);
  CHECK(find_row(~u64{0})->error == ENOSYS);                // silent, as natively
  CHECK(find_row(0x40000000 | SYS_read)->error == ENOSYS);  // x32
  CHECK(find_row(u64{7} << 32 | SYS_getpid) == find_row(SYS_getpid));
  CHECK(syscall_name(SYS_openat) == "openat");
  CHECK(syscall_name(1000) == "system call 1000");
}

TEST_CASE("what a length refers to exists") {
  for (u32 n = 0; n < syscall_count; ++n) {
    const Row& row = *find_row(n);
    CAPTURE(row.name);
    int arguments = 0;
    while (arguments < 6 && row.args[arguments].kind != ArgKind::none) ++arguments;
    for (int i = 0; i < 6; ++i) {
      const Arg& arg = row.args[i];
      CHECK(((row.fds >> i) & 1) == (arg.kind == ArgKind::fd));
      CHECK(((row.outs >> i) & 1) == (arg.kind == ArgKind::out));
      if (arg.kind != ArgKind::out) continue;
      CHECK(arg.length.unit > 0);
      if (arg.length.kind == LengthKind::fixed) continue;
      CHECK(arg.length.arg < arguments);
      CHECK(arg.length.arg != i);
      const ArgKind other = row.args[arg.length.arg].kind;
      CHECK(other == (arg.length.kind == LengthKind::word ? ArgKind::word : ArgKind::num));
    }
  }
}

TEST_CASE("structures have the sizes of the kernel's interface") {
  const struct {
    u32 number;
    int arg;
    u32 bytes;
  } expected[] = {
      {SYS_stat, 1, 144},           {SYS_fstat, 1, 144},        {SYS_newfstatat, 2, 144},   {SYS_statx, 4, 256},
      {SYS_statfs, 1, 120},         {SYS_uname, 0, 390},        {SYS_sysinfo, 0, 112},      {SYS_times, 0, 32},
      {SYS_getrusage, 1, 144},      {SYS_wait4, 3, 144},        {SYS_waitid, 2, 128},       {SYS_adjtimex, 0, 208},
      {SYS_clock_adjtime, 1, 208},  {SYS_getitimer, 1, 32},     {SYS_timer_settime, 3, 32}, {SYS_timer_create, 2, 4},
      {SYS_nanosleep, 1, 16},       {SYS_clock_gettime, 1, 16}, {SYS_gettimeofday, 1, 8},   {SYS_mq_getsetattr, 2, 64},
      {SYS_ustat, 1, 32},           {SYS_sched_getparam, 1, 4}, {SYS_pipe2, 0, 8},          {SYS_socketpair, 3, 8},
      {451 /* cachestat */, 2, 40},
  };
  for (const auto& e : expected) {
    CAPTURE(syscall_name(e.number));
    CHECK(find_row(e.number)->args[e.arg].length.kind == LengthKind::fixed);
    CHECK(find_row(e.number)->args[e.arg].length.unit == e.bytes);
  }
  CHECK(find_row(SYS_epoll_wait)->args[1].length.unit == 12);
  CHECK(find_row(SYS_poll)->args[0].length.unit == 8);
}

// ---- The walker. ---------------------------------------------------------------------------------------

TEST_CASE("walker: result bytes, and no more than there is room for") {
  char buffer[64] = {};
  FakeCall call{.args = {3, at(buffer), 64}, .kernel = [] { return 10; }};
  CHECK(walk(call, *find_row(SYS_read)) == 10);
  CHECK(call.opened == std::vector<Region>{{at(buffer), 64}});
  CHECK(call.outputs == std::vector<Region>{{at(buffer), 10}});

  FakeCall truncated{.args = {3, at(buffer), 64, MSG_TRUNC, 0, 0}, .kernel = [] { return 1000; }};
  CHECK(walk(truncated, *find_row(SYS_recvfrom)) == 1000);
  CHECK(truncated.outputs == std::vector<Region>{{at(buffer), 64}});

  FakeCall end{.args = {3, at(buffer), 64}, .kernel = [] { return 0; }};
  CHECK(walk(end, *find_row(SYS_read)) == 0);
  CHECK(end.outputs.empty());

  FakeCall huge{.args = {3, at(buffer), ~u64{0}}, .kernel = [] { return 7; }};
  walk(huge, *find_row(SYS_read));
  CHECK(huge.opened == std::vector<Region>{{at(buffer), max_transfer}});
}

TEST_CASE("walker: nothing was written on errors, except where the row says so") {
  char buffer[64] = {};
  for (const i64 error : {-EINTR, -EAGAIN, -EFAULT, -512}) {
    FakeCall call{.args = {3, at(buffer), 64}, .kernel = [error] { return error; }};
    CHECK(walk(call, *find_row(SYS_read)) == error);
    CHECK(call.outputs.empty());
  }
  for (const i64 error : {-EINTR, -512}) {
    FakeCall call{.args = {at(buffer), at(buffer + 16)}, .kernel = [error] { return error; }};
    CHECK(walk(call, *find_row(SYS_nanosleep)) == error);
    CHECK(call.outputs == std::vector<Region>{{at(buffer + 16), 16}});
  }
  FakeCall invalid{.args = {at(buffer), at(buffer + 16)}, .kernel = [] { return -EINVAL; }};
  walk(invalid, *find_row(SYS_nanosleep));
  CHECK(invalid.outputs.empty());

  FakeCall none{.args = {P_ALL, 0, at(buffer), WEXITED, 0}, .kernel = [] { return -ECHILD; }};
  walk(none, *find_row(SYS_waitid));
  CHECK(none.outputs == std::vector<Region>{{at(buffer), 128}});
}

TEST_CASE("walker: NULL pointers are skipped") {
  FakeCall call{.args = {0, 0}, .kernel = [] { return 0; }};
  walk(call, *find_row(SYS_gettimeofday));
  CHECK(call.opened.empty());
  CHECK(call.outputs.empty());
}

TEST_CASE("walker: a length word goes before its data, and bounds it from both sides") {
  char name[128] = {};
  u32 word = 16;
  const auto kernel_says = [&word](u32 after) {
    return [&word, after] {
      word = after;
      return 0;
    };
  };
  FakeCall shorter{.args = {3, at(name), at(&word)}, .kernel = kernel_says(2)};
  walk(shorter, *find_row(SYS_getsockname));
  CHECK(shorter.outputs == std::vector<Region>{{at(&word), 4}, {at(name), 2}});

  word = 16;
  FakeCall longer{.args = {3, at(name), at(&word)}, .kernel = kernel_says(110)};
  walk(longer, *find_row(SYS_getsockname));
  CHECK(longer.outputs == std::vector<Region>{{at(&word), 4}, {at(name), 16}});

  FakeCall unasked{.args = {3, 0, 0}, .kernel = [] { return 5; }};
  CHECK(walk(unasked, *find_row(SYS_accept)) == 5);
  CHECK(unasked.outputs.empty());
}

TEST_CASE("walker: result bytes over an iovec that the call itself overwrites") {
  char a[8] = {}, b[8] = {};
  struct iovec vecs[3] = {{a, 8}, {nullptr, 0}, {b, 8}};
  FakeCall call{.args = {3, at(vecs), 3}, .kernel = [&vecs] {
                  std::memset(vecs, 0, sizeof vecs);
                  return 11;
                }};
  CHECK(walk(call, *find_row(SYS_readv)) == 11);
  CHECK(call.opened == std::vector<Region>{{at(a), 8}, {at(b), 8}});
  CHECK(call.outputs == std::vector<Region>{{at(a), 8}, {at(b), 3}});

  std::vector<char> bytes(100);
  std::vector<struct iovec> many(100);
  for (int i = 0; i < 100; ++i) many[i] = {&bytes[i], 1};
  FakeCall long_call{.args = {3, at(many.data()), 100}, .kernel = [] { return 60; }};
  walk(long_call, *find_row(SYS_readv));
  CHECK(long_call.opened.size() == 100);
  CHECK(long_call.outputs.size() == 60);

  FakeCall refused{.args = {3, at(many.data()), 2000}, .kernel = [] { return -EINVAL; }};
  CHECK(walk(refused, *find_row(SYS_readv)) == -EINVAL);
  CHECK(refused.opened.empty());
}

TEST_CASE("walker: the engine's descriptors do not exist") {
  FakeCall call{.args = {9, 0, 0}, .kernel = [] { return 0; }, .fake_engine = {.own = 9}};
  CHECK(walk(call, *find_row(SYS_close)) == -EBADF);
  FakeCall over{.args = {1, 9, 0}, .kernel = [] { return 9; }, .fake_engine = {.own = 9}};
  CHECK(walk(over, *find_row(SYS_dup2)) == -EBADF);
  CHECK(call.executed + over.executed == 0);
  FakeCall cwd{.args = {static_cast<u64>(AT_FDCWD), 0, 0}, .kernel = [] { return 0; }, .fake_engine = {.own = 9}};
  CHECK(walk(cwd, *find_row(SYS_mkdirat)) == 0);
}

// ---- ioctl. --------------------------------------------------------------------------------------------

TEST_CASE("ioctl rows have the numbers and the sizes of the headers") {
  const struct {
    u64 request;
    const char* name;
    u16 size;
  } expected[] = {
      {TCGETS, "TCGETS", 36},      {TIOCGWINSZ, "TIOCGWINSZ", sizeof(struct winsize)},
      {TIOCGPGRP, "TIOCGPGRP", 4}, {FIONREAD, "FIONREAD", 4},
      {TIOCGPTN, "TIOCGPTN", 4},   {BLKSSZGET, "BLKSSZGET", 4},
      {FIGETBSZ, "FIGETBSZ", 4},   {TIOCGSID, "TIOCGSID", 4},
  };
  for (const auto& e : expected) {
    CAPTURE(e.name);
    const IoctlRow* row = find_ioctl(static_cast<u32>(e.request));
    REQUIRE(row != nullptr);
    CHECK(std::string(row->name) == e.name);
    CHECK(row->effect.kind == IoctlKind::out);
    CHECK(row->effect.size == e.size);
  }
  CHECK(find_ioctl(TCSETSW)->effect.kind == IoctlKind::none);
  CHECK(find_ioctl(FICLONE)->effect.kind == IoctlKind::fd);
  CHECK(ioctl_rows().size() > 150);
}

TEST_CASE("ioctl rows agree with what their numbers encode") {
  for (const IoctlRow& row : ioctl_rows()) {
    CAPTURE(row.name);
    CHECK((row.effect.kind == IoctlKind::refused) == (row.reason != nullptr));
    if (row.effect.kind == IoctlKind::out) CHECK(row.effect.size > 0);
    if (row.effect.kind == IoctlKind::table) {
      CHECK(row.effect.offset + row.effect.width <= row.effect.size);
      CHECK(row.effect.unit > 0);
    }
  }
}

TEST_CASE("ioctl requests without a row") {
  const IoctlDecision reads = decide_ioctl(_IOR('x', 200, char[100]));
  CHECK(reads.known);
  CHECK(reads.effect.kind == IoctlKind::out);
  CHECK(reads.effect.size == 100);
  const IoctlDecision writes = decide_ioctl(_IOW('x', 200, char[100]));
  CHECK(writes.known);
  CHECK(writes.effect.kind == IoctlKind::none);
  CHECK_FALSE(decide_ioctl(_IO('x', 200)).known);
  CHECK_FALSE(decide_ioctl(0x12345).known);
  const IoctlDecision graphics = decide_ioctl(_IOWR('d', 0, char[64]));
  CHECK(graphics.effect.kind == IoctlKind::refused);
  CHECK(graphics.error == ENOTTY);
}

}  // namespace
