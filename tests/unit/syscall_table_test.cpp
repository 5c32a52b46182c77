// The table of system calls: complete, true to the headers, and true to the kernel: whatever a call
// changes in memory must lie in what its row says.
#include "core/syscalls/table.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/syscalls/ioctl_table.h"
#include "core/syscalls/limits.h"
#include "core/syscalls/walk.h"

namespace {

using namespace fred;

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

struct Region {
  u64 at, size;
  bool operator==(const Region&) const = default;
};

/// A call without an engine: `kernel` stands for the kernel, and what the walker says is noted.
struct FakeCall {
  struct FakeEngine {
    i64 own = -1'000'000;  // nothing that a program passes
    bool owns_descriptor(i64 fd) const { return fd == own; }
  };

  u64 args[6] = {};
  std::function<i64()> kernel{};
  FakeEngine fake_engine{};
  std::vector<Region> opened{}, outputs{};
  int executed = 0;

  u64 arg(int i) const { return args[i]; }
  GuestAddr addr(int i) const { return GuestAddr{args[i]}; }
  FakeEngine& engine() { return fake_engine; }
  i64 execute() {
    ++executed;
    return kernel();
  }
  void will_write(GuestAddr at, u64 size) { opened.push_back({at.value, size}); }
  void output(GuestAddr at, u64 size) { outputs.push_back({at.value, size}); }
  template <class T>
  bool get(T& v, GuestAddr from) const {
    return get(&v, from, sizeof v);
  }
  bool get(void* to, GuestAddr from, u64 size) const {
    if (from.value < 4096) return false;
    std::memcpy(to, from.ptr(), size);
    return true;
  }
};

u64 at(const void* p) { return reinterpret_cast<u64>(p); }

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

// ---- The rows against the kernel. ----------------------------------------------------------------------

/// Runs one call for real on a buffer full of a pattern, by its row, and says whether all that changed in
/// the buffer lies in the outputs.
class KernelCheck {
 public:
  KernelCheck()
      : page_(static_cast<u8*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    REQUIRE(page_ != MAP_FAILED);
    std::memset(page_, 0xa5, size);
  }
  ~KernelCheck() { munmap(page_, size); }
  KernelCheck(const KernelCheck&) = delete;

  /// A place of its own in the buffer for one argument.
  u64 room() { return at(page_ + 4096 * used_++); }
  template <class T>
  u64 with(const T& v) {
    const u64 place = room();
    std::memcpy(reinterpret_cast<void*>(place), &v, sizeof v);
    return place;
  }

  i64 run(u32 number, std::initializer_list<u64> args) {
    CAPTURE(syscall_name(number));
    FakeCall call;
    std::copy(args.begin(), args.end(), call.args);
    std::vector<u8> before(page_, page_ + size);
    call.kernel = [&] {
      return raw_syscall(number, call.args[0], call.args[1], call.args[2], call.args[3], call.args[4], call.args[5]);
    };
    const i64 result = walk(call, *find_row(number));
    u64 changed = 0, outside = 0;
    for (u64 i = 0; i < size; ++i) {
      if (page_[i] == before[i]) continue;
      ++changed;
      const u64 place = at(page_ + i);
      bool covered = false;
      for (const Region& r : call.outputs) covered |= place >= r.at && place < r.at + r.size;
      if (!covered) ++outside;
    }
    CHECK(outside == 0);
    last_changed = changed;
    return result;
  }

  u64 last_changed = 0;

 private:
  static constexpr u64 size = 16 * 4096;
  u8* page_;
  int used_ = 0;
};

/// The call must succeed and must have written something: else the check would prove nothing.
#define WRITES(check, number, ...)                \
  do {                                            \
    CAPTURE(syscall_name(number));                \
    CHECK((check).run(number, __VA_ARGS__) >= 0); \
    CHECK((check).last_changed > 0);              \
  } while (0)

TEST_CASE("kernel: ids, times, limits of the system") {
  KernelCheck c;
  WRITES(c, SYS_uname, {c.room()});
  WRITES(c, SYS_sysinfo, {c.room()});
  WRITES(c, SYS_times, {c.room()});
  WRITES(c, SYS_getrusage, {RUSAGE_SELF, c.room()});
  WRITES(c, SYS_clock_gettime, {CLOCK_MONOTONIC, c.room()});
  WRITES(c, SYS_clock_getres, {CLOCK_MONOTONIC, c.room()});
  WRITES(c, SYS_gettimeofday, {c.room(), c.room()});
  WRITES(c, SYS_time, {c.room()});
  WRITES(c, SYS_getcpu, {c.room(), c.room(), 0});
  WRITES(c, SYS_getresuid, {c.room(), c.room(), c.room()});
  WRITES(c, SYS_sched_getaffinity, {0, 512, c.room()});
  WRITES(c, SYS_sched_getparam, {0, c.room()});
}

TEST_CASE("kernel: scheduling, timers, clocks") {
  KernelCheck c;
  WRITES(c, SYS_sched_rr_get_interval, {0, c.room()});
  WRITES(c, SYS_sched_getattr, {0, c.room(), 64, 0});
  WRITES(c, SYS_getitimer, {ITIMER_REAL, c.room()});
  WRITES(c, SYS_getrandom, {c.room(), 100, 0});
  struct timex clock {};
  WRITES(c, SYS_adjtimex, {c.with(clock)});
  const u64 id = c.room();
  WRITES(c, SYS_timer_create, {CLOCK_MONOTONIC, 0, id});
  const u64 timer = *reinterpret_cast<i32*>(id);
  WRITES(c, SYS_timer_gettime, {timer, c.room()});
  CHECK(c.run(SYS_timer_delete, {timer}) == 0);
  const i64 fd = c.run(SYS_timerfd_create, {CLOCK_MONOTONIC, 0});
  REQUIRE(fd >= 0);
  WRITES(c, SYS_timerfd_gettime, {static_cast<u64>(fd), c.room()});
  struct itimerspec soon {
    {}, { 0, 1 }
  };
  WRITES(c, SYS_timerfd_settime, {static_cast<u64>(fd), 0, c.with(soon), c.room()});
  WRITES(c, SYS_read, {static_cast<u64>(fd), c.room(), 8});
  close(static_cast<int>(fd));
}

TEST_CASE("kernel: files and directories") {
  KernelCheck c;
  const u64 root = static_cast<u64>(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  WRITES(c, SYS_fstat, {root, c.room()});
  WRITES(c, SYS_stat, {at("/"), c.room()});
  WRITES(c, SYS_newfstatat, {root, at("etc"), c.room(), 0});
  WRITES(c, SYS_statx, {root, at("etc"), 0, 0xfff, c.room()});
  WRITES(c, SYS_statfs, {at("/"), c.room()});
  WRITES(c, SYS_fstatfs, {root, c.room()});
  WRITES(c, SYS_getdents64, {root, c.room(), 4096});
  WRITES(c, SYS_getcwd, {c.room(), 4096});
  WRITES(c, SYS_readlink, {at("/proc/self/exe"), c.room(), 4096});
  WRITES(c, SYS_readlink, {at("/proc/self/exe"), c.room(), 3});
  CHECK(c.last_changed == 3);
  const u64 file = static_cast<u64>(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  WRITES(c, SYS_pread64, {file, c.room(), 50, 3});
  WRITES(c, SYS_read, {file, c.room(), 4096});
  close(static_cast<int>(file));
  close(static_cast<int>(root));
}

TEST_CASE("kernel: pipes, sockets, polling") {
  KernelCheck c;
  const u64 pair = c.room();
  WRITES(c, SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0, pair});
  const u64 one = reinterpret_cast<u32*>(pair)[0], other = reinterpret_cast<u32*>(pair)[1];
  const u64 ends = c.room();
  WRITES(c, SYS_pipe2, {ends, O_CLOEXEC});
  const u64 reader = reinterpret_cast<u32*>(ends)[0], writer = reinterpret_cast<u32*>(ends)[1];

  WRITES(c, SYS_getsockname, {one, c.room(), c.with(u32{100})});
  CHECK(c.run(SYS_sendto, {one, at("0123456789"), 10, 0, 0, 0}) == 10);
  WRITES(c, SYS_recvfrom, {other, c.room(), 4, MSG_TRUNC, c.room(), c.with(u32{100})});

  CHECK(c.run(SYS_write, {writer, at("0123456789"), 10}) == 10);
  struct pollfd polled {
    static_cast<int>(reader), POLLIN, 0
  };
  WRITES(c, SYS_poll, {c.with(polled), 1, 0});
  close(static_cast<int>(one));
  close(static_cast<int>(other));
  const i64 epoll = c.run(SYS_epoll_create1, {0});
  struct epoll_event event {
    EPOLLIN, { .u64 = 77 }
  };
  CHECK(c.run(SYS_epoll_ctl, {static_cast<u64>(epoll), EPOLL_CTL_ADD, reader, at(&event)}) == 0);
  WRITES(c, SYS_epoll_wait, {static_cast<u64>(epoll), c.room(), 8, 0});
  CHECK(c.last_changed <= 12);
  close(static_cast<int>(epoll));
  close(static_cast<int>(writer));
  close(static_cast<int>(reader));
}

TEST_CASE("kernel: vectors, offsets, attributes") {
  KernelCheck c;
  const u64 file = static_cast<u64>(memfd_create("fred-test", MFD_CLOEXEC));
  const u64 copy = static_cast<u64>(memfd_create("fred-test", MFD_CLOEXEC));
  REQUIRE(write(static_cast<int>(file), "0123456789", 10) == 10);
  const u64 first = c.room(), second = c.room();
  const struct iovec vecs[2] = {{reinterpret_cast<void*>(first), 4}, {reinterpret_cast<void*>(second), 100}};
  WRITES(c, SYS_preadv, {file, c.with(vecs), 2, 1, 0});
  CHECK(c.last_changed == 9);
  WRITES(c, SYS_sendfile, {copy, file, c.with(u64{2}), 5});
  WRITES(c, SYS_copy_file_range, {file, c.with(u64{0}), copy, c.with(u64{20}), 3, 0});
  if (fsetxattr(static_cast<int>(file), "user.fred", "value", 5, 0) == 0) {
    WRITES(c, SYS_fgetxattr, {file, at("user.fred"), c.room(), 100});
    CHECK(c.last_changed == 5);
    WRITES(c, SYS_flistxattr, {file, c.room(), 100});
    CHECK(c.run(SYS_flistxattr, {file, 0, 0}) > 0);
  }
  const i64 none = c.run(SYS_getgroups, {0, c.room()});
  CHECK(none >= 0);
  CHECK(c.last_changed == 0);
  close(static_cast<int>(file));
  close(static_cast<int>(copy));
}

TEST_CASE("kernel: what is written although the call failed") {
  KernelCheck c;
  struct pollfd polled {
    - 1, POLLIN, 0x55
  };
  const u64 sets = c.with(polled);
  struct timespec limit {
    0, 1000
  };
  WRITES(c, SYS_ppoll, {sets, 1, c.with(limit), 0, 8});
  CHECK(c.run(SYS_waitid, {P_ALL, 0, c.room(), WEXITED | WNOHANG, 0}) == -ECHILD);
  CHECK(c.last_changed > 0);
}

/// As WRITES, for calls that an older kernel or a container may not have.
#define WRITES_IF_THERE(check, number, ...)                                                 \
  do {                                                                                      \
    CAPTURE(syscall_name(number));                                                          \
    const i64 answer = (check).run(number, __VA_ARGS__);                                    \
    CAPTURE(answer);                                                                        \
    CHECK((answer >= 0 || answer == -ENOSYS || answer == -EPERM || answer == -EOPNOTSUPP)); \
    if (answer >= 0) CHECK((check).last_changed > 0);                                       \
  } while (0)

TEST_CASE("kernel: calls that came late") {
  KernelCheck c;
  const u64 file = static_cast<u64>(memfd_create("fred-test", MFD_CLOEXEC));
  const u64 everything[2] = {0, 0};
  WRITES_IF_THERE(c, 451 /* cachestat */, {file, c.with(everything), c.room(), 0});
  const u64 root_mount[3] = {24, ~u64{0}, 0};  // struct mnt_id_req: of LSMT_ROOT
  const u64 ids = c.room();
  WRITES_IF_THERE(c, 458 /* listmount */, {c.with(root_mount), ids, 4, 0});
  const u64 first[3] = {24, *reinterpret_cast<u64*>(ids), 2 | 8 | 16};  // STATMOUNT_MNT_BASIC, _ROOT, _POINT
  WRITES_IF_THERE(c, 457 /* statmount */, {c.with(first), c.room(), 1000, 0});
  WRITES_IF_THERE(c, 461 /* lsm_list_modules */, {c.room(), c.with(u32{4096}), 0});
  WRITES_IF_THERE(c, 468 /* file_getattr */, {static_cast<u64>(AT_FDCWD), at("/"), c.room(), 24, 0});
  close(static_cast<int>(file));
}

TEST_CASE("kernel: what is written when the room is too small") {
  KernelCheck c;
  // The length word says what was wanted; no more than there was room for is written.
  struct sockaddr_un name {
    AF_UNIX, "a name that is longer than the room"
  };
  name.sun_path[0] = 0;
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  REQUIRE(bind(fd, reinterpret_cast<struct sockaddr*>(&name), sizeof name) == 0);
  WRITES(c, SYS_getsockname, {static_cast<u64>(fd), c.room(), c.with(u32{5})});
  CHECK(c.last_changed <= 9);
  close(fd);
  const i64 modules = c.run(461 /* lsm_list_modules */, {c.room(), c.with(u32{1}), 0});
  CHECK((modules == -E2BIG || modules == -ENOSYS));
  CHECK(c.run(SYS_getcwd, {c.room(), 1}) == -ERANGE);
  CHECK(c.last_changed == 0);
  // sched_setattr tells the size that it knows.
  CHECK(c.run(SYS_sched_setattr, {0, c.with(u32{20000}), 0}) == -E2BIG);
  CHECK(c.last_changed > 0);
  u32 unknown_version[2] = {1, 0};
  CHECK(c.run(SYS_capset, {c.with(unknown_version), c.room()}) == -EINVAL);
  CHECK(c.last_changed > 0);
}

TEST_CASE("kernel: message queues, splices, attributes of the scheduler") {
  KernelCheck c;
  const i64 queue = c.run(SYS_mq_open, {at("fred-syscall-test"), O_CREAT | O_RDWR | O_NONBLOCK, 0600, 0});
  if (queue >= 0) {
    const u64 q = static_cast<u64>(queue);
    WRITES(c, SYS_mq_getsetattr, {q, 0, c.room()});
    CHECK(c.run(SYS_mq_timedsend, {q, at("0123456789"), 10, 3, 0}) == 0);
    WRITES(c, SYS_mq_timedreceive, {q, c.room(), 8192, c.room(), 0});
    CHECK(c.run(SYS_mq_unlink, {at("fred-syscall-test")}) == 0);
    close(static_cast<int>(q));
  }
  const u64 file = static_cast<u64>(memfd_create("fred-test", MFD_CLOEXEC));
  REQUIRE(write(static_cast<int>(file), "0123456789", 10) == 10);
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const u64 reader = static_cast<u64>(ends[0]), writer = static_cast<u64>(ends[1]);
  WRITES(c, SYS_splice, {file, c.with(u64{1}), writer, 0, 5, 0});
  const u64 into = c.room();
  const struct iovec vec { reinterpret_cast<void*>(into), 100 };
  WRITES(c, SYS_vmsplice, {reader, c.with(vec), 1, 0});
  for (const u64 fd : {file, reader, writer}) close(static_cast<int>(fd));
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

TEST_CASE("kept limits") {
  GuestLimits limits;
  CHECK(limits.find(RLIMIT_CORE) == &limits.core);
  CHECK(limits.find(RLIMIT_NOFILE) == nullptr);
  CHECK(limits.core.soft == RLIM_INFINITY);
}

}  // namespace
