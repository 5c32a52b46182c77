// What processes store behind the end of a file, in its last page, and what is there once the file is longer: zeros on
// a disk's file system, the same bytes in memory alone. By the process itself, and by another one.
#include "common.h"

enum { page = 4096, pages = 3, size = pages * page, end = page + 100 };

static int file;
static u8* memory;
static int there[2], back[2];

static void to_full(void) { MUST(ftruncate(file, size)); }
static void by_some(void) { MUST(ftruncate(file, end + 50)); }
static void by_write(void) { CHECK_EQ(pwrite(file, "behind", 6, end + 1000), 6); }
static void by_allocation(void) { MUST(fallocate(file, 0, 2 * page, page)); }
static void to_disk(void) { MUST(fsync(file)); }
static void to_disk_by_mapping(void) { MUST(msync(memory, size, MS_SYNC)); }
static void (*const changes[])(void) = {to_full, by_some, by_write, by_allocation, to_disk, to_disk_by_mapping};
enum { change_count = sizeof changes / sizeof *changes };

static void store(int i) {
  MUST(ftruncate(file, end));
  memset(memory + end, 'A' + i, 2 * page - end);
}
static void show(const char* what) {
  u64 sum = 0;
  for (size_t i = page; i < 2 * page; i++) sum = sum * 31 + ((volatile u8*)memory)[i];
  printf("%s: %d %d %d %llx\n", what, memory[end], memory[end + 60], memory[end + 3000], sum);
  // A re-execution compares the registers of calls.
  syscall(SYS_getuid, sum);
}

static void by_itself(void) {
  for (int i = 0; i < change_count; i++) {
    store(i);
    changes[i]();
    show("itself");
  }
}

static void tell(const int* to) { CHECK_EQ(write(to[1], "", 1), 1); }
static void wait_for(const int* from) {
  char byte;
  CHECK_EQ(read(from[0], &byte, 1), 1);
}

static void by_another(void) {
  fflush(stdout);
  const pid_t pid = MUST(fork());
  for (int i = 0; i < change_count; i++) {
    if (pid == 0) {
      wait_for(there);
      changes[i]();
      tell(back);
      continue;
    }
    store(i);
    show("before");
    tell(there);
    wait_for(back);
    show("another");
  }
  if (pid == 0) _exit(failures);
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
}

static void in(int fd) {
  file = fd;
  MUST(ftruncate(file, size));
  memory = MUST(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  by_itself();
  by_another();
  MUST(munmap(memory, size));
  close(file);
}

int main(void) {
  MUST(pipe(there));
  MUST(pipe(back));
  in(MUST(open("behind", O_RDWR | O_CREAT | O_TRUNC, 0600)));
  MUST(unlink("behind"));
  in(MUST(memfd_create("behind", MFD_CLOEXEC)));
  return done();
}
