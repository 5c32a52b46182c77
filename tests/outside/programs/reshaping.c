// The recorded side changes how it has the shared memory (protections, size, place, several mappings, none for a
// while), and forks; the partner goes on using it. The memory is a file of its own, the meeting has another one.
#include "faults.h"
#include "sides.h"

enum { page = 4096, pages = 8, words = page / 4, counts = 500 };

struct memory {
  struct meeting meeting;
};
static struct memory* m;
static int fd;
static volatile u32* at;  // the pages, however they are mapped now

static volatile u32* map(void* wanted, size_t size, int protection, int flags) {
  volatile u32* got = mmap(wanted, size, protection, MAP_SHARED | flags, fd, 0);
  CHECK(got != MAP_FAILED);
  return got;
}

/// Both sides write to each page, each finds what the other has written, and neither loses what both count.
static void use_from(volatile u32* from, u32 count, u32 number) {
  const u32 own = is_partner;
  meet(&m->meeting, "the pages to be used");
  for (u32 i = 0; i < count; i++) {
    from[i * words + own] = number * 100 + i * 2 + own;
    __atomic_fetch_add(&from[i * words + 2], 1, __ATOMIC_SEQ_CST);
  }
  meet(&m->meeting, "the pages to be written");
  for (u32 i = 0; i < count; i++) {
    CHECK_EQ(from[i * words + !own], number * 100 + i * 2 + !own);
    CHECK_EQ(from[i * words + 2] % 2, 0);
  }
  meet(&m->meeting, "the pages to be read");
}
static void use(u32 count, u32 number) { use_from(at, count, number); }

/// The partner counts in each page, while the recorded side has it in another way or not at all.
static void add_meanwhile(void (*change)(void), void (*change_back)(void)) {
  if (!is_partner) change();
  meet(&m->meeting, "the memory to be changed");
  if (is_partner) {
    for (u32 i = 0; i < pages; i++) at[i * words + 3]++;
  }
  meet(&m->meeting, "the partner to count");
  if (!is_partner) change_back();
  meet(&m->meeting, "the memory to be as before");
}
static void check_added(u32 wanted) {
  for (u32 i = 0; i < pages; i++) CHECK_EQ(at[i * words + 3], wanted);
}

static void make_read_only(void) {
  MUST(mprotect((void*)at, pages * page, PROT_READ));
  CHECK_EQ(signal_of_store(at + 10), SIGSEGV);
}
static void look_while_read_only(void) {
  check_added(1);
  CHECK_EQ(signal_of_store(at + 5 * words), SIGSEGV);
  MUST(mprotect((void*)at, pages * page, PROT_READ | PROT_WRITE));
}
static void make_inaccessible(void) {
  MUST(mprotect((void*)at, pages * page, PROT_NONE));
  CHECK_EQ(signal_of_load(at + 10), SIGSEGV);
}
static void make_accessible(void) {
  MUST(mprotect((void*)(at + 2 * words), page, PROT_READ | PROT_WRITE));
  CHECK_EQ(at[2 * words + 3], 2);
  CHECK_EQ(signal_of_load(at + 3 * words), SIGSEGV);
  MUST(mprotect((void*)at, pages * page, PROT_READ | PROT_WRITE));
  check_added(2);
}
static void protections(void) {
  add_meanwhile(make_read_only, look_while_read_only);
  add_meanwhile(make_inaccessible, make_accessible);
  use(pages, 1);
}

static void unmap(void) {
  MUST(munmap((void*)at, pages * page));
  CHECK_EQ(signal_of_load(at), SIGSEGV);
}
static void map_again(void) {
  at = map(NULL, pages * page, PROT_READ | PROT_WRITE, 0);
  check_added(3);
}
static void take_middle_out(void) {
  MUST(munmap((void*)(at + 3 * words), 2 * page));
  CHECK_EQ(signal_of_load(at + 4 * words), SIGSEGV);
  CHECK_EQ(signal_of_store(at + 5 * words + 9), 0);
}
static void put_middle_back(void) {
  CHECK(mmap((void*)(at + 3 * words), 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 3 * page) !=
        MAP_FAILED);
  check_added(4);
}
static void cover(void) {
  volatile u32* own =
      mmap((void*)at, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  CHECK(own == at);
  for (u32 i = 0; i < pages; i++) own[i * words + 3] = 1000;
}
static void uncover(void) {
  check_added(1000);
  CHECK(map((void*)at, pages * page, PROT_READ | PROT_WRITE, MAP_FIXED) == at);
  check_added(5);
}
static void mappings(void) {
  add_meanwhile(unmap, map_again);
  use(pages, 2);
  add_meanwhile(take_middle_out, put_middle_back);
  use(pages, 3);
  add_meanwhile(cover, uncover);
  use(pages, 4);
}

/// The recorded side makes the file and the mapping twice as large; there is no room behind it. Then it moves, and
/// becomes smaller.
static void sizes(void) {
  if (!is_partner) {
    mmap((void*)(at + pages * words), page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    MUST(ftruncate(fd, 2 * pages * page));
  }
  meet(&m->meeting, "the file to grow");
  volatile u32* before = at;
  at = MUST(mremap((void*)at, pages * page, 2 * pages * page, MREMAP_MAYMOVE));
  if (!is_partner) CHECK(at != before);
  if (!is_partner) CHECK_EQ(signal_of_load(before + 1), SIGSEGV);
  use(2 * pages, 5);
  check_added(5);
  if (!is_partner) {
    void* place = mmap(NULL, 2 * pages * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    at = MUST(mremap((void*)at, 2 * pages * page, 2 * pages * page, MREMAP_MAYMOVE | MREMAP_FIXED, place));
    CHECK(at == place);
  }
  use(2 * pages, 6);
  if (!is_partner) {
    CHECK(mremap((void*)at, 2 * pages * page, pages * page, 0) == at);
    CHECK_EQ(signal_of_store(at + pages * words), SIGSEGV);
  }
  use(pages, 7);
}

/// Two mappings of the same pages, of which one begins in the middle: what is written by one is there by the other.
static void twice(void) {
  volatile u32* second = at;
  if (!is_partner) {
    second = map(NULL, pages * page, PROT_READ | PROT_WRITE, 0);
    volatile u32* third = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 2 * page);
    for (u32 i = 0; i < 200; i++) {
      second[2 * words + 50] = i;
      at[2 * words + 51] = i * 3;
      CHECK_EQ(at[2 * words + 50], i);
      CHECK_EQ(third[50], i);
      CHECK_EQ(second[2 * words + 51], i * 3);
      CHECK_EQ(third[51], i * 3);
    }
    munmap((void*)third, page);
  }
  use(pages, 8);
  use_from(second, pages, 9);
  if (!is_partner) MUST(munmap((void*)at, pages * page));
  at = second;
  use(pages, 10);
}

static void advice(void) {
  meet(&m->meeting, "the advice");
  at[60 + is_partner] = 9;
  meet(&m->meeting, "what is to be kept");
  if (!is_partner) {
    CHECK_EQ(msync((void*)at, pages * page, MS_SYNC), 0);
    CHECK_EQ(madvise((void*)at, pages * page, MADV_DONTNEED), 0);
    CHECK_EQ(at[60], 9);
    CHECK_EQ(at[61], 9);
    CHECK_EQ(madvise((void*)at, pages * page, MADV_WILLNEED), 0);
    CHECK_EQ(msync((void*)at, page, MS_ASYNC), 0);
    CHECK_EQ(msync((void*)at, page, MS_INVALIDATE), 0);
  }
  use(pages, 11);
}

/// Written and read as a file by one side, by way of the mapping by the other.
static void by_file(void) {
  for (u32 i = 1; i <= 20; i++) {
    const u32 value = i * 31;
    u32 got = 0;
    if (is_partner) MUST(pwrite(fd, &value, 4, 3 * page + 400));
    meet(&m->meeting, "the file to be written");
    if (!is_partner) {
      CHECK_EQ(at[3 * words + 100], value);
      at[3 * words + 101] = value + 1;
    }
    meet(&m->meeting, "the mapping to be written");
    if (is_partner) CHECK_EQ(pread(fd, &got, 4, 3 * page + 404), 4);
    if (is_partner) CHECK_EQ(got, value + 1);
    meet(&m->meeting, "the file to be read");
  }
}

static void count(volatile u32* counter, int turns) {
  for (int i = 0; i < turns; i++) __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

/// Three processes count: the partner, the recorded side and its child, which then waits for a word of the partner's.
static void with_child(void) {
  volatile u32 *counter = at + 200, *stop = at + 300;
  meet(&m->meeting, "the child");
  fflush(stdout);
  const pid_t child = is_partner ? -1 : MUST(fork());
  count(counter, counts);
  if (child == 0) {
    for (unsigned turns = 0; seen(stop) == 0; turns++) relax(turns);
    count(counter, counts);
    _exit((int)seen(stop));
  }
  meet(&m->meeting, "both to have counted");
  if (is_partner) tell(stop, 5);
  int status = 0;
  if (!is_partner) CHECK_EQ(waitpid(child, &status, 0), child);
  if (!is_partner) CHECK_EQ(WEXITSTATUS(status), 5);
  meet(&m->meeting, "the child's end");
  CHECK_EQ(*counter, 4 * counts);
  use(pages, 12);
}

int main(int argc, char** argv) {
  m = begin_together(argc, argv, sizeof *m);
  fd = MUST(open(beside("pages"), O_RDWR | O_CREAT, 0600));
  if (is_partner) MUST(ftruncate(fd, pages * page));
  meet(&m->meeting, "the pages");
  at = map(NULL, pages * page, PROT_READ | PROT_WRITE, 0);
  catch_faults();
  static const struct {
    const char* name;
    void (*part)(void);
  } parts[] = {
      {"protections", protections}, {"mappings", mappings},      {"sizes", sizes}, {"twice", twice}, {"advice", advice},
      {"by file", by_file},         {"with a child", with_child}};
  for (u32 i = 0; i < sizeof parts / sizeof *parts; i++) {
    parts[i].part();
    puts(parts[i].name);
  }
  meet(&m->meeting, "the end");
  return done();
}
