// System calls of the recorded side whose arguments and results lie in the shared memory. What the partner has put
// there is not loaded by the recorded side before the kernel reads it, and the partner looks at what the kernel has
// written.
#include <linux/futex.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include "sides.h"

enum { size = 3000, untouched = 0xee };

struct memory {
  struct meeting meeting;
  volatile u32 begun;
  u8* base;  // where the recorded side has this memory
  int fds[4];
  struct iovec vectors[4];
  struct msghdr message;
  struct pollfd polls[3];
  struct epoll_event event, events[3];
  fd_set readable;
  struct timeval limit, day;
  struct timespec time[4];
  time_t seconds;
  sigset_t set, old_set;
  struct stat facts;
  struct utsname name;
  struct rlimit file_limit;
  int number, status, option;
  socklen_t option_size;
  off_t offset;
  u32 word;
  char path[256], second_path[256], folder[256];
  char* words[4];
  char word_text[4][32];
  u8 control[64];
  u8 text[2 * 4096], other[2 * 4096];
};
static struct memory* m;

/// Lines of letters that both sides can make.
static void make_text(u8* at, size_t length, u64 seed) {
  for (size_t i = 0; i < length; i++)
    at[i] = i % 64 == 63 || i == length - 1 ? '\n' : (u8)('a' + next_random(&seed) % 26);
}
static bool is_text(const u8* at, size_t length, u64 seed) {
  u8 expected[2 * 4096];
  make_text(expected, length, seed);
  return memcmp(at, expected, length) == 0;
}
static bool is_untouched(const u8* from, const u8* end) {
  while (from < end && *from == untouched) from++;
  return from == end;
}
/// Where the recorded side has what is here at `at`.
static void* there(void* at) { return m->base + ((u8*)at - (u8*)m); }

static int open_file(const char* suffix, int flags) { return MUST(open(beside(suffix), flags | O_CREAT, 0600)); }

/// Read back from a file of its own, into private memory.
static void check_file(int fd, size_t length, u64 seed) {
  u8 text[2 * 4096];
  CHECK_EQ(pread(fd, text, sizeof text, 0), length);
  CHECK(is_text(text, length, seed));
}

static void put_texts(void) {
  make_text(m->text, sizeof m->text, 1);
  make_text(m->other, size, 2);
}
static void write_them(void) {
  fflush(stdout);
  CHECK_EQ(write(1, m->text, size), size);
  const int fd = open_file("written", O_RDWR);
  CHECK_EQ(pwrite(fd, m->other, size, 0), size);
  check_file(fd, size, 2);
  int ends[2];
  MUST(pipe(ends));
  CHECK_EQ(write(ends[1], m->text, 2 * 4096), 2 * 4096);
  u8 text[2 * 4096];
  CHECK_EQ(read(ends[0], text, sizeof text), sizeof text);
  CHECK(is_text(text, sizeof text, 1));
  close(ends[0]), close(ends[1]), close(fd);
}

static void put_file(void) {
  u8 text[size];
  make_text(text, size, 3);
  const int fd = open_file("read", O_RDWR);
  CHECK_EQ(write(fd, text, size), size);
  close(fd);
  memset(m->text, untouched, sizeof m->text);
  memset(m->other, untouched, sizeof m->other);
}
static void read_it(void) {
  const int fd = open_file("read", O_RDONLY);
  CHECK_EQ(read(fd, m->text + 100, sizeof m->text - 100), size);
  CHECK_EQ(pread(fd, m->other + 5, 100, 0), 100);
  CHECK(is_text(m->text + 100, size, 3));
  close(fd);
}
static void check_read(void) {
  CHECK(is_untouched(m->text, m->text + 100));
  CHECK(is_text(m->text + 100, size, 3));
  CHECK(is_untouched(m->text + 100 + size, m->text + sizeof m->text));
  u8 whole[size];
  make_text(whole, size, 3);
  CHECK(memcmp(m->other + 5, whole, 100) == 0);
  CHECK(is_untouched(m->other + 105, m->other + sizeof m->other));
}

/// The partner changes the buffer behind what will be read, before it lets the call end.
static void let_read_end(void) {
  wait_for(&m->begun, 1, "a call that waits");
  make_text(m->text + 500, 1000, 4);
  const int fd = MUST(open(beside("fifo"), O_WRONLY));
  u8 text[100];
  make_text(text, 100, 5);
  CHECK_EQ(write(fd, text, 100), 100);
  close(fd);
}
static void read_what_comes(void) {
  const int fd = MUST(open(beside("fifo"), O_RDWR));
  tell(&m->begun, 1);
  CHECK_EQ(read(fd, m->text, 2000), 100);
  CHECK(is_text(m->text, 100, 5));
  CHECK(is_text(m->text + 500, 1000, 4));
  close(fd);
}
static void make_fifo(void) {
  MUST(mkfifo(beside("fifo"), 0600));
  memset(m->text, untouched, sizeof m->text);
}
static void check_what_came(void) {
  CHECK(is_text(m->text, 100, 5));
  CHECK(is_untouched(m->text + 100, m->text + 500));
  CHECK(is_text(m->text + 500, 1000, 4));
}

static void put_vectors(void) {
  put_texts();
  m->vectors[0] = (struct iovec){there(m->text), 1000};
  m->vectors[1] = (struct iovec){there(m->other), size};
  m->vectors[2] = (struct iovec){there(m->text + 4096), 500};
  m->vectors[3] = (struct iovec){there(m->text + 4596), 1500};
  m->message = (struct msghdr){.msg_iov = there(m->vectors), .msg_iovlen = 2};
}
static void use_vectors(void) {
  const int fd = open_file("vectors", O_RDWR);
  CHECK_EQ(writev(fd, m->vectors, 2), 1000 + size);
  u8 text[1000 + size];
  CHECK_EQ(pread(fd, text, sizeof text, 0), sizeof text);
  CHECK(memcmp(text, m->text, 1000) == 0 && is_text(text + 1000, size, 2));
  CHECK_EQ(pwritev(fd, (struct iovec[]){{m->other, 10}, {m->text, 10}}, 2, 0), 20);
  CHECK_EQ(lseek(fd, 1000, SEEK_SET), 1000);
  CHECK_EQ(readv(fd, m->vectors + 2, 2), 2000);
  int ends[2];
  MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
  CHECK_EQ(sendmsg(ends[0], &m->message, 0), 1000 + size);
  CHECK_EQ(recv(ends[1], text, sizeof text, 0), sizeof text);
  CHECK(is_text(text + 1000, size, 2));
  close(fd), close(ends[0]), close(ends[1]);
}
static void check_vectors(void) {
  u8 expected[size];
  make_text(expected, size, 2);
  CHECK(memcmp(m->text + 4096, expected, 2000) == 0);
  u8 whole[sizeof m->text];
  make_text(whole, sizeof whole, 1);
  CHECK(memcmp(m->text + 6096, whole + 6096, sizeof whole - 6096) == 0);
}

static void make_descriptors(void) {
  CHECK_EQ(pipe(m->fds), 0);
  CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, m->fds + 2), 0);
  const u8 bytes[3] = {1, 2, 3};
  CHECK_EQ(write(m->fds[1], bytes, 3), 3);
  CHECK_EQ(ioctl(m->fds[0], FIONREAD, &m->number), 0);
  m->option_size = sizeof m->option;
  CHECK_EQ(getsockopt(m->fds[2], SOL_SOCKET, SO_TYPE, &m->option, &m->option_size), 0);
}
static void check_descriptors(void) {
  for (int i = 0; i < 4; i++) CHECK(m->fds[i] > 2 && m->fds[i] < 1000 && m->fds[i] != m->fds[(i + 1) % 4]);
  CHECK_EQ(m->number, 3);
  CHECK_EQ(m->option, SOCK_STREAM);
  CHECK_EQ(m->option_size, sizeof m->option);
}

/// The pipe has something to read, the socket has not. The partner says what is asked for.
static void put_polls(void) {
  for (int i = 0; i < 3; i++) m->polls[i] = (struct pollfd){m->fds[i], i == 1 ? POLLOUT : POLLIN, 0x55};
  FD_ZERO(&m->readable);
  FD_SET(m->fds[0], &m->readable);
  FD_SET(m->fds[2], &m->readable);
  m->limit = (struct timeval){0, 1000};
  m->time[0] = (struct timespec){0, 1000000};
  m->event = (struct epoll_event){.events = EPOLLIN, .data.u64 = 0x123456789abc};
}
static void use_polls(void) {
  CHECK_EQ(poll(m->polls, 3, 1000), 2);
  CHECK_EQ(ppoll(m->polls, 3, m->time, NULL), 2);
  CHECK_EQ(select(m->fds[3] + 1, &m->readable, NULL, NULL, &m->limit), 1);
  const int epoll = MUST(epoll_create1(0));
  CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, m->fds[0], &m->event), 0);
  CHECK_EQ(epoll_wait(epoll, m->events, 3, 1000), 1);
  for (int i = 0; i < 4; i++) close(m->fds[i]);
  close(epoll);
}
static void check_polls(void) {
  CHECK_EQ(m->polls[0].revents, POLLIN);
  CHECK_EQ(m->polls[1].revents, POLLOUT);
  CHECK_EQ(m->polls[2].revents, 0);
  CHECK(FD_ISSET(m->fds[0], &m->readable) && !FD_ISSET(m->fds[2], &m->readable));
  CHECK_EQ(m->events[0].events, EPOLLIN);
  CHECK_EQ(m->events[0].data.u64, 0x123456789abc);
}

static void put_paths(void) {
  strcpy(m->path, beside("read"));
  strcpy(m->second_path, beside("renamed"));
  memset(m->text, untouched, sizeof m->text);
}
static void use_paths(void) {
  const int fd = MUST(open(m->path, O_RDONLY));
  check_file(fd, size, 3);
  CHECK_EQ(fstat(fd, &m->facts), 0);
  CHECK_EQ(rename(m->path, m->second_path), 0);
  CHECK_EQ(stat(m->second_path, &m->facts), 0);
  CHECK(getcwd(m->folder, sizeof m->folder) == m->folder);
  m->offset = 64;
  int ends[2];
  MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  CHECK_EQ(sendfile(ends[0], fd, &m->offset, 1000), 1000);
  CHECK_EQ(unlink(m->second_path), 0);
  close(fd), close(ends[0]), close(ends[1]);
}
static void check_paths(void) {
  char folder[256];
  CHECK(getcwd(folder, sizeof folder) != NULL && strcmp(folder, m->folder) == 0);
  CHECK_EQ(m->facts.st_size, size);
  CHECK_EQ(m->offset, 1064);
  CHECK_ERR(access(beside("read"), F_OK), ENOENT);
  CHECK_ERR(access(beside("renamed"), F_OK), ENOENT);
}

static double before;
static void look_at_clock(void) { before = now(); }
static void ask_clocks(void) {
  CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, m->time), 0);
  CHECK_EQ(clock_gettime(CLOCK_REALTIME, m->time + 1), 0);
  CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, m->time + 2), 0);
  CHECK_EQ(clock_getres(CLOCK_MONOTONIC, m->time + 3), 0);
  CHECK_EQ(gettimeofday(&m->day, NULL), 0);
  CHECK(time(&m->seconds) > 0);
}
static void check_clocks(void) {
  struct timespec today;
  clock_gettime(CLOCK_REALTIME, &today);
  for (int i = 0; i <= 2; i += 2) {
    CHECK(in_seconds(m->time[i]) > before - 0.1 && in_seconds(m->time[i]) < now() + 0.1);
  }
  CHECK(in_seconds(m->time[1]) > in_seconds(today) - 60 && in_seconds(m->time[1]) < in_seconds(today) + 1);
  CHECK(m->time[3].tv_sec == 0 && m->time[3].tv_nsec > 0);
  CHECK(m->day.tv_sec > today.tv_sec - 60 && m->day.tv_sec <= today.tv_sec + 1);
  CHECK(m->seconds > today.tv_sec - 60 && m->seconds <= today.tv_sec + 1);
}

static void put_limits(void) {
  for (int i = 0; i < 4; i++) m->time[i] = (struct timespec){0, 10000000};
  m->word = 7;
  sigemptyset(&m->set);
  sigaddset(&m->set, SIGUSR1);
  m->limit = (struct timeval){0, 10000};
}
static void wait_long_enough(void) {
  const double begin = now();
  CHECK_EQ(nanosleep(m->time, NULL), 0);
  CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, m->time + 1, NULL), 0);
  CHECK_ERR(syscall(SYS_futex, &m->word, FUTEX_WAIT, 7, m->time + 2, NULL, 0), ETIMEDOUT);
  CHECK_EQ(sigprocmask(SIG_BLOCK, &m->set, &m->old_set), 0);
  CHECK_ERR(sigtimedwait(&m->set, NULL, m->time + 3), EAGAIN);
  CHECK_EQ(select(0, NULL, NULL, NULL, &m->limit), 0);
  CHECK(now() - begin >= 0.0499);
  CHECK_EQ(sigprocmask(SIG_SETMASK, &m->old_set, &m->set), 0);
}
static void check_waits(void) {
  CHECK_EQ(sigismember(&m->set, SIGUSR1), 1);
  CHECK_EQ(sigismember(&m->old_set, SIGUSR1), 0);
  CHECK(m->limit.tv_sec == 0 && m->limit.tv_usec == 0);
}

/// The partner gives back what the recorded side got there.
static void ask_more(void) {
  CHECK_EQ(uname(&m->name), 0);
  CHECK_EQ(getrlimit(RLIMIT_NOFILE, &m->file_limit), 0);
  CHECK_EQ(getrandom(m->text, 300, 0), 300);
}
static void give_back(void) {
  struct utsname own;
  CHECK(uname(&own) == 0 && strcmp(own.machine, m->name.machine) == 0 && strcmp(own.sysname, m->name.sysname) == 0);
  CHECK(m->file_limit.rlim_cur > 3 && m->file_limit.rlim_cur <= m->file_limit.rlim_max);
  u32 left = 0;
  for (int i = 0; i < 300; i++) left += m->text[i] == untouched;
  CHECK(left < 20);
  memcpy(m->other, m->text, 300);
}

static void put_command(void) {
  static const char* const words[3] = {"echo", "said by", "a child"};
  for (int i = 0; i < 3; i++) {
    strcpy(m->word_text[i], words[i]);
    m->words[i] = there(m->word_text[i]);
  }
  m->words[3] = NULL;
  strcpy(m->path, "/bin/echo");
}
static void run_command(void) {
  CHECK(memcmp(m->text, m->other, 300) == 0);
  fflush(stdout);
  char* environment[] = {NULL};
  pid_t child;
  CHECK_EQ(posix_spawn(&child, m->path, NULL, NULL, m->words, environment), 0);
  CHECK_EQ(waitpid(child, &m->status, 0), child);
  const pid_t second = MUST(fork());
  if (second == 0) {
    execve(m->path, m->words, environment);
    _exit(1);
  }
  CHECK_EQ(waitpid(second, &m->status, 0), second);
}
static void check_command(void) { CHECK_EQ(m->status, 0); }

static void nothing(void) {}

int main(int argc, char** argv) {
  m = begin_together(argc, argv, sizeof *m);
  if (!is_partner) m->base = (u8*)m;
  static const struct {
    const char* name;
    void (*prepare)(void);    // the partner, before
    void (*call)(void);       // the recorded side
    void (*accompany)(void);  // the partner, meanwhile
    void (*check)(void);      // the partner, afterwards
  } steps[] = {
      {"write", put_texts, write_them, nothing, nothing},
      {"read", put_file, read_it, nothing, check_read},
      {"a read that waits", make_fifo, read_what_comes, let_read_end, check_what_came},
      {"vectors", put_vectors, use_vectors, nothing, check_vectors},
      {"descriptors", nothing, make_descriptors, nothing, check_descriptors},
      {"polls", put_polls, use_polls, nothing, check_polls},
      {"paths", put_paths, use_paths, nothing, check_paths},
      {"clocks", look_at_clock, ask_clocks, nothing, check_clocks},
      {"time limits", put_limits, wait_long_enough, nothing, check_waits},
      {"others", nothing, ask_more, nothing, give_back},
      {"commands", put_command, run_command, nothing, check_command},
  };
  for (u32 i = 0; i < sizeof steps / sizeof *steps; i++) {
    meet(&m->meeting, steps[i].name);
    if (is_partner) steps[i].prepare();
    meet(&m->meeting, steps[i].name);
    (is_partner ? steps[i].accompany : steps[i].call)();
    meet(&m->meeting, steps[i].name);
    if (is_partner) steps[i].check();
    puts(steps[i].name);
  }
  meet(&m->meeting, "the end");
  return done();
}
