// The partner makes the file shorter than its mappings, and long again: accesses behind its end raise SIGBUS, and what
// was there is zero then.
#include "faults.h"
#include "sides.h"

enum { page = 4096, pages = 8, left = 5, words = page / 4, rounds = 20 };

int main(int argc, char** argv) {
  struct meeting* meeting = begin_together(argc, argv, sizeof *meeting);
  const int fd = MUST(open(beside("pages"), O_RDWR | O_CREAT, 0600));
  if (is_partner) MUST(ftruncate(fd, pages * page));
  meet(meeting, "the pages");
  volatile u32* at = map_descriptor(fd, pages * page, PROT_READ | PROT_WRITE);
  catch_faults();
  for (u32 round = 1; round <= rounds; round++) {
    if (is_partner) {
      for (u32 i = 0; i < pages; i++) at[i * words] = round;
    }
    meet(meeting, "the pages to be written");
    if (!is_partner) {
      for (u32 i = 0; i < pages; i++) CHECK_EQ(at[i * words], round);
    }
    meet(meeting, "the pages to be read");
    if (is_partner) MUST(ftruncate(fd, left * page));
    meet(meeting, "the file to shrink");
    if (!is_partner) {
      CHECK_EQ(signal_of_load(at + left * words + 3), SIGBUS);
      CHECK_EQ(signal_of_store(at + (pages - 1) * words), SIGBUS);
      CHECK_EQ(at[(left - 1) * words], round);
    }
    meet(meeting, "the end to be looked at");
    if (is_partner) MUST(ftruncate(fd, pages * page));
    meet(meeting, "the file to grow");
    for (u32 i = 0; i < pages; i++) CHECK_EQ(at[i * words], i < left ? round : 0);
    meet(meeting, "the zeros to be seen");
  }
  printf("%d times\n", rounds);
  return done();
}
