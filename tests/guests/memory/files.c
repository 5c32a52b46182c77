// Mapped files: private and shared, the file changing under the mapping, msync, past the end, offsets.
#include "common.h"

int main(void) {
  char text[4096 * 3], c[16];
  for (unsigned i = 0; i < sizeof text; i++) text[i] = (char)('a' + i % 26);
  const int fd = MUST(open("f", O_RDWR | O_CREAT, 0600));
  MUST(write(fd, text, sizeof text));
  char* shared = MUST(mmap(NULL, sizeof text, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  char* private = MUST(mmap(NULL, sizeof text, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
  const char* offset = MUST(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096));
  CHECK(memcmp(shared, text, sizeof text) == 0 && memcmp(private, text, sizeof text) == 0);
  CHECK(offset[0] == text[4096]);
  // Stores to the shared mapping are in the file and in other mappings, stores to the private one are not.
  shared[4096] = 'X';
  private[4097] = 'Y';
  CHECK_EQ(pread(fd, c, 2, 4096), 2);
  CHECK(c[0] == 'X' && c[1] == text[4097]);
  CHECK_EQ(offset[0], 'X');
  // A write to the file is in every mapping, except the pages that were copied.
  CHECK_EQ(pwrite(fd, "WRITTEN", 7, 100), 7);
  CHECK(memcmp(shared + 100, "WRITTEN", 7) == 0);
  CHECK_EQ(pwrite(fd, "second", 6, 4100), 6);
  CHECK(memcmp(shared + 4100, "second", 6) == 0);
  CHECK(memcmp(private + 4100, text + 4100, 6) == 0);
  CHECK_EQ(private[4097], 'Y');
  MUST(msync(shared, 4096, MS_SYNC));
  MUST(msync(shared, sizeof text, MS_ASYNC | MS_INVALIDATE));
  CHECK_ERR(msync(shared + 1, 4096, MS_SYNC), EINVAL);
  // read(2) of the file into its own mapping.
  CHECK_EQ(pread(fd, shared + 8192, 100, 100), 100);
  CHECK(memcmp(shared + 8192, "WRITTEN", 7) == 0);
  // The file grows: what lies behind the old end becomes visible.
  char* longer = MUST(mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  MUST(ftruncate(fd, 5 * 4096));
  longer[4 * 4096] = 'Z';
  CHECK_EQ(pread(fd, c, 1, 4 * 4096), 1);
  CHECK_EQ(c[0], 'Z');
  // Throwing a private copy away shows the file again. (What was written to the file since it was mapped
  // is not looked at: see QUIRKS in the README.)
  MUST(madvise(private, sizeof text, MADV_DONTNEED));
  CHECK_EQ(private[4097], text[4097]);
  // The mapping outlives descriptor and name.
  MUST(unlink("f"));
  MUST(close(fd));
  CHECK(memcmp(shared + 100, "WRITTEN", 7) == 0);
  MUST(munmap(shared, 4096));
  CHECK(memcmp(shared + 4100, "second", 6) == 0);

  const int reader = MUST(open("g", O_RDONLY | O_CREAT, 0600));
  CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0) == MAP_FAILED && errno == EACCES);
  char* one = MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0));
  (void)one;
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, reader, 100) == MAP_FAILED && errno == EINVAL);
  return done();
}
