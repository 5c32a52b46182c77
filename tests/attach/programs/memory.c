// build: -D_GNU_SOURCE -O1
// Heap, mappings of memory and of files, made before and changed all the time.
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { pages = 16, page = 4096 };

static unsigned long sum(const unsigned char* at, size_t size) {
  unsigned long s = 0;
  for (size_t i = 0; i < size; i++) s = s * 31 + at[i];
  return s;
}

static unsigned char* map(int flags, int fd) {
  unsigned char* at = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (at == MAP_FAILED) exit(2);
  return at;
}

static int file(void) {
  char path[] = "/tmp/attach-memory-XXXXXX";
  int fd = mkstemp(path);
  unlink(path);
  unsigned char block[page];
  for (int i = 0; i < pages; i++) {
    memset(block, 'a' + i, sizeof block);
    if (write(fd, block, sizeof block) != sizeof block) exit(1);
  }
  return fd;
}

/// Of a child: what it has of memory that is not for children.
static int child_sees(unsigned char* not_there, const unsigned char* wiped) {
  unsigned char state;
  const pid_t child = fork();
  if (child == 0) _exit((mincore(not_there, page, &state) == 0) + 2 * (wiped[7] != 0));
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

int main(void) {
  int fd = file(), other = file();
  unsigned char* of_file = map(MAP_PRIVATE, fd);
  unsigned char* shared_file = map(MAP_SHARED, other);
  unsigned char* shared = map(MAP_SHARED | MAP_ANONYMOUS, -1);
  unsigned char* own = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
  unsigned char* not_forked = map(MAP_SHARED | MAP_ANONYMOUS, -1);
  unsigned char* wiped = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
  madvise(not_forked, pages * page, MADV_DONTFORK);
  madvise(wiped, pages * page, MADV_WIPEONFORK);
  wiped[7] = 1;
  mallopt(M_MMAP_THRESHOLD, 1 << 30);  // all of it comes from the heap, and goes back
  mallopt(M_TRIM_THRESHOLD, page);
  unsigned char* heap = malloc(3 * page);
  of_file[5] = '!';
  mprotect(of_file, page, PROT_READ);
  for (int i = 0; i < 150; i++) {
    shared_file[i * 100] ^= 0x5a;
    shared[i * 50] = (unsigned char)i;
    not_forked[i * 200] = wiped[i * 20 + 8] = (unsigned char)(i * 5);
    own[i * 300] = (unsigned char)(i * 3);
    memset(heap, i, 3 * page);
    void* blocks[20];
    for (int j = 0; j < 20; j++) blocks[j] = memset(malloc((size_t)(j + 1) * 9000), j, (size_t)(j + 1) * 9000);
    unsigned long allocated = 0;
    for (int j = 0; j < 20; j++) {
      blocks[j] = realloc(blocks[j], (size_t)(j + 1) * 20000);
      allocated += sum(blocks[j], (size_t)(j + 1) * 9000);
      free(blocks[j]);
    }
    unsigned char* new_one = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memset(new_one, i, pages * page);
    new_one = mremap(new_one, pages * page, 2 * pages * page, MREMAP_MAYMOVE);
    unsigned long moved = sum(new_one, pages * page);
    munmap(new_one, 2 * pages * page);
    char line[200];
    int size = snprintf(line, sizeof line, "%d %lx %lx %lx %lx %lx %lx %lx %lx %lx\n", i, sum(of_file, pages * page),
                        sum(shared_file, pages * page), sum(shared, pages * page), sum(own, pages * page),
                        sum(heap, 3 * page), allocated, moved, sum(not_forked, pages * page),
                        sum(wiped, pages * page));
    if (write(1, line, (size_t)size) != size) return 1;
    struct timespec pause = {0, 2000000};
    nanosleep(&pause, NULL);
  }
  return child_sees(not_forked, wiped);
}
