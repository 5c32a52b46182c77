// The table of system calls against the kernel: whatever a call changes in memory must lie in what its row
// says.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
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
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "core/syscalls/table.h"
#include "core/syscalls/walk.h"
#include "test.h"
#include "tests/unit/fake_call.h"

namespace {

using namespace fred;
using namespace fred::test;

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
  CHECK(c.run(SYS_waitid, {P_PID, static_cast<u64>(getpid()), c.room(), WEXITED | WNOHANG, 0}) == -ECHILD);
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

}  // namespace
