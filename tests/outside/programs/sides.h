// The two sides of a program, and the memory that they share. It is started twice:
//
//   PROGRAM PATH partner|recorded [KIND]
//
// in any order; the side `recorded` is the one that fred records. KIND says what the memory is: file (PATH itself; the
// default), posix (shm_open), sysv, memfd (PATH is the socket over which it is passed), proc_fd (a memfd that the
// recorded side opens in /proc). Whoever waits too long for the other one ends with a line that says what for.
#pragma once
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdnoreturn.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include "common.h"

typedef unsigned u32;
typedef unsigned short u16;

enum { longest_wait = 60 };  // seconds

static bool is_partner;
static const char *path, *kind = "file";
static const char* volatile waits_for = "the other side to come";

/// SIGALRM: only what may be called in a handler.
static void give_up(int signal) {
  (void)signal;
  const char* const words[] = {"FAIL the ", is_partner ? "partner" : "recorded side", " has waited too long for ",
                               waits_for, "\n"};
  for (int i = 0; i < 5; i++) {
    if (write(1, words[i], strlen(words[i])) < 0) break;
  }
  _exit(9);
}

static void begin(int argc, char** argv) {
  if (argc < 3) {
    puts("which side?");
    exit(2);
  }
  path = argv[1];
  is_partner = strcmp(argv[2], "partner") == 0;
  if (argc > 3) kind = argv[3];
  signal(SIGALRM, give_up);
  alarm(longest_wait);
}

/// Another turn of a loop that waits for the other side. Now and then the processor is given away: there may be but
/// one.
static void relax(unsigned turns) {
  if (turns % 256 == 255) {
    sched_yield();
  } else {
    __builtin_ia32_pause();
  }
}

static u32 seen(const volatile u32* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static void tell(volatile u32* word, u32 value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }

/// Waits until the word is at least `value`.
__attribute__((unused)) static void wait_for(const volatile u32* word, u32 value, const char* what) {
  waits_for = what;
  for (unsigned turns = 0; seen(word) < value; turns++) relax(turns);
}

/// Where both sides meet. A word is written by one side only.
struct meeting {
  _Alignas(64) volatile u32 come[2];  // how often; the recorded side's is the first
};

/// Returns when the other side has called it as often.
__attribute__((unused)) static void meet(struct meeting* m, const char* what) {
  const u32 count = m->come[is_partner] + 1;
  tell(&m->come[is_partner], count);
  wait_for(&m->come[!is_partner], count, what);
}

/// A pause while something outside of the memory is not there yet.
static void look_again_soon(void) { poll(NULL, 0, 1); }

static struct sockaddr_un socket_address(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  CHECK(strlen(path) < sizeof address.sun_path);
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return address;
}

/// A message with one descriptor; `control` has room for it.
static struct msghdr descriptor_message(struct iovec* byte, char control[CMSG_SPACE(sizeof(int))]) {
  return (struct msghdr){
      .msg_iov = byte, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int))};
}

static void pass_descriptor(int fd) {
  const struct sockaddr_un address = socket_address();
  const int listener = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
  MUST(bind(listener, (const struct sockaddr*)&address, sizeof address));
  MUST(listen(listener, 1));
  const int connection = MUST(accept(listener, NULL, NULL));
  MUST(unlink(path));
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec byte = {"", 1};
  struct msghdr message = descriptor_message(&byte, control);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  MUST(sendmsg(connection, &message, 0));
  close(connection);
  close(listener);
}

static int passed_descriptor(void) {
  const struct sockaddr_un address = socket_address();
  const int connection = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
  while (connect(connection, (const struct sockaddr*)&address, sizeof address) != 0) look_again_soon();
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
  char received;
  struct iovec byte = {&received, 1};
  struct msghdr message = descriptor_message(&byte, control);
  MUST(recvmsg(connection, &message, 0));
  close(connection);
  const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  int fd = -1;
  if (header != NULL) memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return MUST(fd);
}

/// The partner leaves a line in the file PATH, which is there at once or not at all.
static void leave(const char* line) {
  char draft[4096];
  snprintf(draft, sizeof draft, "%s.draft", path);
  const int fd = MUST(open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  MUST(write(fd, line, strlen(line)));
  close(fd);
  MUST(rename(draft, path));
}

static void find(char* line, size_t size) {
  int fd;
  while ((fd = open(path, O_RDONLY)) < 0) look_again_soon();
  line[MUST(read(fd, line, size - 1))] = '\0';
  close(fd);
}

static void* map_descriptor(int fd, size_t size, int protection) {
  void* at = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
  CHECK(at != MAP_FAILED);
  return at;
}

/// The name of the POSIX memory: no other run has it.
static const char* shm_name(void) {
  static char name[256];
  snprintf(name, sizeof name, "/fred-outside%s", path);
  for (char* c = name + 1; *c != '\0'; c++) *c = *c == '/' ? '-' : *c;
  return name;
}

/// A file that both sides open: who may write gives it its size, who may not waits for that.
static int open_common(int directory_of_kind, size_t size, int protection) {
  const bool writes = (protection & PROT_WRITE) != 0;
  const int flags = writes ? O_RDWR | O_CREAT : O_RDONLY;
  for (;;) {
    const int fd = directory_of_kind ? shm_open(shm_name(), flags, 0600) : open(path, flags, 0600);
    struct stat facts;
    if (fd >= 0 && writes) MUST(ftruncate(fd, (off_t)size));
    if (fd >= 0 && fstat(fd, &facts) == 0 && (size_t)facts.st_size >= size) return fd;
    if (fd >= 0) close(fd);
    look_again_soon();
  }
}

static void* share_system_v(size_t size, int protection) {
  char line[64];
  if (!is_partner) {
    find(line, sizeof line);
    return MUST(shmat(atoi(line), NULL, protection & PROT_WRITE ? 0 : SHM_RDONLY));
  }
  const int id = MUST(shmget(IPC_PRIVATE, size, 0600));
  void* at = MUST(shmat(id, NULL, 0));
  MUST(shmctl(id, IPC_RMID, NULL));  // can still be attached to, and goes with the last one
  snprintf(line, sizeof line, "%d", id);
  leave(line);
  return at;
}

static void* share_memfd(size_t size, int protection, bool through_proc) {
  char line[64];
  if (is_partner) {
    const int fd = MUST(memfd_create("outside", 0));
    MUST(ftruncate(fd, (off_t)size));
    snprintf(line, sizeof line, "/proc/%d/fd/%d", getpid(), fd);
    if (through_proc) {
      leave(line);
    } else {
      pass_descriptor(fd);
    }
    return map_descriptor(fd, size, protection);
  }
  int fd;
  if (through_proc) {
    find(line, sizeof line);
    fd = MUST(open(line, protection & PROT_WRITE ? O_RDWR : O_RDONLY));
  } else {
    fd = passed_descriptor();
  }
  void* at = map_descriptor(fd, size, protection);
  close(fd);
  return at;
}

/// Memory of KIND, zero at first, mapped by both sides. What there is of it outside goes with the processes, but for
/// the file PATH and POSIX memory, whose name forget_memory() removes.
static void* share(size_t size, int protection) {
  if (strcmp(kind, "sysv") == 0) return share_system_v(size, protection);
  if (strcmp(kind, "memfd") == 0) return share_memfd(size, protection, false);
  if (strcmp(kind, "proc_fd") == 0) return share_memfd(size, protection, true);
  const int fd = open_common(strcmp(kind, "posix") == 0, size, protection);
  void* at = map_descriptor(fd, size, protection);
  close(fd);
  return at;
}

/// The partner, when both sides have the memory.
static void forget_memory(void) {
  if (is_partner && strcmp(kind, "posix") == 0) MUST(shm_unlink(shm_name()));
}

/// What most programs begin with: the memory, which begins with a meeting, and the other side is there.
__attribute__((unused)) static void* begin_together(int argc, char** argv, size_t size) {
  begin(argc, argv);
  void* at = share(size, PROT_READ | PROT_WRITE);
  meet(at, "the other side to come");
  forget_memory();
  return at;
}

/// The path of a file beside the memory; the one before the last is forgotten.
__attribute__((unused)) static const char* beside(const char* suffix) {
  static char names[2][300];
  static int turn;
  turn ^= 1;
  snprintf(names[turn], sizeof *names, "%s.%s", path, suffix);
  return names[turn];
}

__attribute__((unused)) static double in_seconds(struct timespec t) {
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
__attribute__((unused)) static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return in_seconds(t);
}

/// Random numbers that both sides can make.
__attribute__((unused)) static u64 next_random(u64* state) {
  *state += 0x9e3779b97f4a7c15;
  u64 mixed = (*state ^ (*state >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}
