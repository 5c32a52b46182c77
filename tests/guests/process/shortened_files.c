// Files that processes have mapped shared, and shorten and lengthen: accesses beyond the end are SIGBUS, the rest of
// the last page becomes zeros, and so does all that comes back. By the process itself, by another one, by the path.
#include <sched.h>
#include <setjmp.h>
#include "common.h"

enum { page = 4096, pages = 6, size = pages * page };

static sigjmp_buf back;
static volatile u8* fault_at;
static int file;
static u8* memory;

/// What both processes know, in memory of its own.
static volatile struct { int stage, hits; } * both;

static void on_bus(int sig, siginfo_t* info, void* unused) {
  (void)sig, (void)unused;
  CHECK_EQ(info->si_code, BUS_ADRERR);
  fault_at = info->si_addr;
  siglongjmp(back, 1);
}

/// -1: SIGBUS.
static int byte_at(size_t offset) {
  if (sigsetjmp(back, 1)) {
    CHECK(fault_at == memory + offset);
    return -1;
  }
  return ((volatile u8*)memory)[offset];
}
static int store_at(size_t offset, u8 value) {
  if (sigsetjmp(back, 1)) {
    CHECK(fault_at == memory + offset);
    return -1;
  }
  ((volatile u8*)memory)[offset] = value;
  return 0;
}

static void fill(void) {
  for (int i = 0; i < pages; i++) {
    u8 text[page];
    memset(text, 'a' + i, page);
    CHECK_EQ(pwrite(file, text, page, (off_t)i * page), page);
  }
}

static void show(const char* what) {
  printf("%s:", what);
  for (size_t i = 0; i < pages; i++) printf(" %d/%d", byte_at(i * page + 10), byte_at(i * page + 4000));
  puts("");
}

static void to_half(const char* name) {
  (void)name;
  CHECK_EQ(ftruncate(file, 2 * page + 100), 0);
}
static void to_nothing(const char* name) {
  const int again = MUST(open(name, O_RDWR | O_TRUNC));
  close(again);
}
static void by_path(const char* name) { CHECK_EQ(truncate(name, 3 * page), 0); }
static void longer(const char* name) {
  (void)name;
  CHECK_EQ(ftruncate(file, size), 0);
}
static void allocated(const char* name) {
  (void)name;
  CHECK_EQ(fallocate(file, 0, 0, size), 0);
}
static void written_behind(const char* name) {
  (void)name;
  CHECK_EQ(pwrite(file, "behind", 6, size - page + 7), 6);
}
static void punched(const char* name) {
  (void)name;
  CHECK_EQ(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page + 50, page), 0);
}
static void zeroed(const char* name) {
  (void)name;
  CHECK_EQ(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size), 0);
}
static void (*const changes[])(const char*) = {to_half, longer,         punched, to_half,   allocated, by_path,
                                               longer,  to_nothing,     longer,  zeroed,    to_half,   written_behind,
                                               by_path, written_behind, to_half, to_nothing};
enum { change_count = sizeof changes / sizeof *changes };

static void by_itself(const char* name) {
  fill();
  for (int i = 0; i < change_count; i++) {
    changes[i](name);
    show("by itself");
    for (size_t p = 0; p < pages; p++) store_at(p * page + 10, (u8)(100 + i));
  }
}

static void wait_for(int stage) {
  while (both->stage != stage) sched_yield();
}

/// The child changes the file, or the parent, and the other one looks.
static void by_another(const char* name, int child_looks) {
  both->stage = 0;
  longer(name);
  fill();
  fflush(stdout);
  const pid_t pid = MUST(fork());
  for (int i = 0; i < change_count; i++) {
    if ((pid == 0) == child_looks) {
      wait_for(2 * i + 1);
      show(child_looks ? "the child" : "the parent");
      for (size_t p = 0; p < pages; p++) store_at(p * page + 10, (u8)(100 + i));
      both->stage = 2 * i + 2;
    } else {
      changes[i](name);
      both->stage = 2 * i + 1;
      wait_for(2 * i + 2);
    }
  }
  if (pid == 0) {
    fflush(stdout);
    _exit(failures);
  }
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
}

/// Nobody waits for anybody: the file is shortened and lengthened while the other one counts its SIGBUSes.
static void beside(void) {
  longer(NULL);
  both->stage = 0;
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    while (both->stage == 0) {
      for (size_t p = 0; p < pages; p++) both->hits += byte_at(p * page) < 0;
      both->hits += store_at(4 * page, 1) < 0;
    }
    _exit(failures);
  }
  for (int i = 0; i < 30; i++) {
    CHECK_EQ(ftruncate(file, i % 2 == 0 ? page : size), 0);
    for (int k = 0; k < 5; k++) sched_yield();
  }
  both->stage = 1;
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
}

int main(void) {
  on_signal(SIGBUS, on_bus, 0);
  both = MUST(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  file = MUST(open("shortened", O_RDWR | O_CREAT | O_TRUNC, 0600));
  MUST(ftruncate(file, size));
  memory = MUST(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  by_itself("shortened");
  by_another("shortened", 1);
  by_another("shortened", 0);
  beside();
  MUST(munmap(memory, size));
  MUST(unlink("shortened"));
  return done();
}
