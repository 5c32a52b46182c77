// A database's habit: much memory that processes share, of which they use a little here and there; it is changed by one
// and read by another without a system call between them, or with one.
#include "common.h"

enum { rounds = 12 };
static const size_t size = (size_t)20 << 20;

struct turn {
  volatile int number;
  char other_pages[8192 - sizeof(int)];
};

/// Where round `n` leaves its number: all over the memory, also on pages that nobody has used before.
static volatile long* place(u8* memory, int n) {
  return (volatile long*)(memory + (sizeof(struct turn) + (size_t)n * 7919 * 4096) % size);
}

static int play(u8* memory, int own) {
  struct turn* turn = (struct turn*)memory;
  int wrong = 0;
  for (int n = 0; n < rounds; n++) {
    while (turn->number < n) {
    }
    if ((n & 1) != own) continue;
    for (int before = 0; before < n; before++) wrong += *place(memory, before) != before * 3 + 1;
    *place(memory, n) = n * 3 + 1;
    turn->number = n + 1;
  }
  return wrong;
}

static void share(u8* memory) {
  const pid_t child = MUST(fork());
  const int wrong = play(memory, child == 0);
  if (child == 0) _exit(wrong != 0);
  int status;
  MUST(waitpid(child, &status, 0));
  CHECK_EQ(status, 0);
  CHECK_EQ(wrong, 0);
  while (((struct turn*)memory)->number < rounds) {
  }
  long sum = 0;
  for (int n = 0; n < rounds; n++) sum += *place(memory, n);
  printf("%ld\n", sum);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  share((u8*)MUST(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)));
  const int fd = MUST(open("shared", O_RDWR | O_CREAT, 0600));
  MUST(ftruncate(fd, (off_t)size));
  u8* memory = (u8*)MUST(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  MUST(unlink("shared"));
  share(memory);
  return done();
}
