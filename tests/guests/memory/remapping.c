// Mappings that the kernel has made one again: their middle is unmapped and mapped once more, protected back and forth,
// or was made in pieces from the start. mremap takes all of it; where the kernel keeps it apart it gives EFAULT.
#include "common.h"

enum { page = 4096, pages = 8, size = pages * page };

static int file;

struct kind {
  const char* name;
  int flags, writes, forks;
};
static const struct kind kinds[] = {
    {"shared file", MAP_SHARED, 1, 0},
    {"private file", MAP_PRIVATE, 0, 0},
    {"private file, written", MAP_PRIVATE, 1, 0},
    {"anonymous", MAP_PRIVATE | MAP_ANONYMOUS, 1, 0},
    {"anonymous, untouched", MAP_PRIVATE | MAP_ANONYMOUS, 0, 0},
    {"shared file, forked", MAP_SHARED, 1, 1},
};

static u8* map_at(const struct kind* k, u8* at, size_t length, size_t offset, int prot) {
  const int anonymous = k->flags & MAP_ANONYMOUS;
  return mmap(at, length, prot, k->flags | (at != NULL ? MAP_FIXED : 0), anonymous ? -1 : file,
              anonymous ? 0 : (off_t)offset);
}

static void fill(const struct kind* k, u8* at) {
  for (int i = 0; k->writes && i < pages; i++) at[i * page] = (u8)(i + 1);
}

// How it comes to be in pieces, and one again.
static u8* whole(const struct kind* k) {
  u8* at = MUST(map_at(k, NULL, 2 * size, 0, PROT_READ | PROT_WRITE));
  MUST(munmap(at + size, size));
  fill(k, at);
  return at;
}
static u8* middle_again(const struct kind* k) {
  u8* at = whole(k);
  MUST(munmap(at + 3 * page, 2 * page));
  MUST(map_at(k, at + 3 * page, 2 * page, 3 * page, PROT_READ | PROT_WRITE));
  fill(k, at);
  return at;
}
static u8* put_over_middle(const struct kind* k, size_t offset) {
  u8* at = whole(k);
  MUST(map_at(k, at + 3 * page, 2 * page, offset, PROT_READ | PROT_WRITE));
  return at;
}
static u8* middle_over(const struct kind* k) { return put_over_middle(k, 3 * page); }
static u8* protected(const struct kind* k) {
  u8* at = whole(k);
  MUST(mprotect(at + 2 * page, page, PROT_READ));
  MUST(mprotect(at + 5 * page, 2 * page, PROT_NONE));
  MUST(mprotect(at, size, PROT_READ | PROT_WRITE));
  return at;
}
static u8* protected_apart(const struct kind* k) {
  u8* at = whole(k);
  MUST(mprotect(at + 2 * page, page, PROT_READ));
  return at;
}
static u8* other_offset(const struct kind* k) { return put_over_middle(k, 2 * page); }
static u8* page_by_page(const struct kind* k) {
  u8* at = MUST(map_at(k, NULL, 2 * size, 0, PROT_READ | PROT_WRITE));
  MUST(munmap(at, 2 * size));
  for (size_t i = 0; i < pages; i++) {
    const size_t n = i * 5 % pages;
    MUST(map_at(k, at + n * page, page, n * page, PROT_READ | PROT_WRITE));
  }
  fill(k, at);
  return at;
}
static u8* advised(const struct kind* k) {
  u8* at = whole(k);
  MUST(madvise(at + page, page, MADV_DONTFORK));
  MUST(madvise(at + 4 * page, 2 * page, MADV_SEQUENTIAL));
  MUST(madvise(at, size, MADV_DOFORK));
  MUST(madvise(at, size, MADV_NORMAL));
  return at;
}

static const struct {
  const char* name;
  u8* (*make)(const struct kind*);
} histories[] = {
    {"whole", whole},
    {"middle again", middle_again},
    {"middle over", middle_over},
    {"protected", protected},
    {"protected apart", protected_apart},
    {"other offset", other_offset},
    {"page by page", page_by_page},
    {"advised", advised},
};

// What is done with all of it. The address where it is now, or MAP_FAILED.
static u8* room(void) {
  u8* at = MUST(mmap(NULL, 4 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  MUST(munmap(at, 4 * size));
  return at + size;
}
static u8* grow_in_place(u8* at) { return mremap(at, size, size + 2 * page, 0); }
static u8* move_larger(u8* at) {
  MUST(mmap(at + size, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));  // no room behind it
  u8* now = mremap(at, size, 2 * size, MREMAP_MAYMOVE);
  MUST(munmap(at + size, page));
  return now;
}
static u8* move_fixed(u8* at) { return mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, room()); }
static u8* move_smaller(u8* at) { return mremap(at, size, size - 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, room()); }
static u8* move_part(u8* at) {
  return mremap(at + page, size - 2 * page, size - 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, room()) - page;
}
static u8* shrink(u8* at) { return mremap(at, size, 2 * page, 0); }

static const struct {
  const char* name;
  u8* (*act)(u8*);
  int first, last;  // pages that are there behind it
} acts[] = {
    {"grow in place", grow_in_place, 0, pages + 2}, {"move, larger", move_larger, 0, 2 * pages},
    {"move, fixed", move_fixed, 0, pages},          {"move, smaller", move_smaller, 0, pages - 2},
    {"move a part", move_part, 1, pages - 1},       {"shrink", shrink, 0, 2},
};

static int child_sees(const u8* at, int first, int last) {
  const pid_t pid = MUST(fork());
  if (pid == 0) {
    int sum = 0;
    for (int i = first; i < last; i++) sum += at[i * page];
    _exit(sum & 127);
  }
  int status;
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  return WEXITSTATUS(status);
}

static void try(const struct kind* k, int history, int act) {
  MUST(ftruncate(file, 0));
  MUST(ftruncate(file, 4 * size));
  for (size_t i = 0; i < 4 * pages; i++) MUST(pwrite(file, "f", 1, (off_t)(i * page + 1)));
  u8* at = histories[history].make(k);
  if (k->forks) child_sees(at, 0, pages);
  errno = 0;
  u8* now = acts[act].act(at);
  printf("%s, %s, %s: ", k->name, histories[history].name, acts[act].name);
  if (errno != 0) {
    printf("%s\n", strerror(errno));
    MUST(munmap(at, size));
    return;
  }
  const int first = acts[act].first, last = acts[act].last;
  for (int i = first; i < last; i++) printf("%d%c ", now[i * page], now[i * page + 1] ? now[i * page + 1] : '-');
  if (k->forks) {
    now[first * page] = 77;
    printf("child %d", child_sees(now, first, last));
  }
  puts("");
  // It is one mapping, and memory that can be used.
  if (history != 4 && history != 5) {
    CHECK(mremap(now + first * page, (size_t)(last - first) * page, (size_t)(last - first) * page,
                 MREMAP_MAYMOVE | MREMAP_FIXED, room()) != MAP_FAILED);
  } else {
    MUST(munmap(now + first * page, (size_t)(last - first) * page));
  }
}

int main(void) {
  file = MUST(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600));
  for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    for (unsigned h = 0; h < sizeof histories / sizeof *histories; h++) {
      for (unsigned a = 0; a < sizeof acts / sizeof *acts; a++) try(&kinds[k], (int)h, (int)a);
    }
  }
  MUST(unlink("f"));
  return done();
}
