// A file that is mapped privately, and made longer and shorter by the process: behind its end is SIGBUS, what comes
// back are zeros, and the process's own copies of pages behind the end are gone.
#include <setjmp.h>
#include "common.h"

enum { page = 4096, pages = 6, size = pages * page };

static sigjmp_buf back;
static int file;
static u8* memory;

static void on_bus(int sig, siginfo_t* info, void* unused) {
  (void)sig, (void)info, (void)unused;
  siglongjmp(back, 1);
}
/// -1: SIGBUS.
static int byte_at(size_t offset) {
  if (sigsetjmp(back, 1)) return -1;
  return ((volatile u8*)memory)[offset];
}
static int store_at(size_t offset, u8 value) {
  if (sigsetjmp(back, 1)) return -1;
  ((volatile u8*)memory)[offset] = value;
  return 0;
}

static void show(const char* what) {
  printf("%s:", what);
  for (size_t i = 0; i < pages; i++) printf(" %d/%d", byte_at(i * page + 10), byte_at(i * page + 4000));
  puts("");
}

static void change(const char* name, int round) {
  static const off_t lengths[] = {3 * page + 50, 100, size, 2 * page, size + page, 0, 5 * page + 4050, page};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    if (i % 2 == 0) {
      MUST(ftruncate(file, lengths[i]));
    } else {
      MUST(truncate(name, lengths[i]));
    }
    show("resized");
    if (round > 0) {
      for (size_t p = i % 2; p < pages; p += 2) store_at(p * page + 10, (u8)(100 + i));
      show("stored to");
    }
    CHECK_EQ(pwrite(file, "written", 7, (off_t)(i % pages * page + 8)), 7);
    show("written to");
    if (round > 1) {
      MUST(madvise(memory, size, MADV_DONTNEED));
      show("dropped");
    }
  }
}

int main(void) {
  const char* name = "private_sizes";
  on_signal(SIGBUS, on_bus, 0);
  file = MUST(open(name, O_RDWR | O_CREAT | O_TRUNC, 0600));
  for (int round = 0; round < 3; round++) {
    u8 text[page + page / 2];
    memset(text, 'a' + round, sizeof text);
    MUST(ftruncate(file, 0));
    CHECK_EQ(pwrite(file, text, sizeof text, 0), sizeof text);
    memory = MUST(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0));
    show("mapped");
    change(name, round);
    // A child has the same mapping, and the file is as long as it makes it.
    fflush(stdout);
    const pid_t pid = MUST(fork());
    if (pid == 0) {
      change(name, round);
      fflush(stdout);
      _exit(failures);
    }
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    MUST(munmap(memory, size));
  }
  MUST(unlink(name));
  return done();
}
