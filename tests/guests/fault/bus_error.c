// SIGBUS: a mapping beyond the end of its file, and alignment checking switched on.
#include "fault/probe.h"

SNIPPET(load, "nop", "mov (%rbx), %rax");
SNIPPET(store, "nop", "movb $1, (%rbx)");
SNIPPET(unaligned, "pushfq\n orl $0x40000, (%rsp)\n popfq", "mov 1(%rbx), %eax");

int main(void) {
  probe_setup();
  const int fd = MUST(memfd_create("short", 0));
  MUST(ftruncate(fd, 4096 + 10));
  u8* p = MUST(mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  const Snippet snippets[] = {SNIPPET_ROW(load), SNIPPET_ROW(store)};
  Registers in = probe_pattern();
  for (int i = 0; i < 2; i++) {
    in.rbx = (u64)p + 4096 + 100;  // in the last page of the file: zeros
    probe(snippets[i].code, &in);
    CHECK_EQ(probe_caught.signal, 0);
    in.rbx = (u64)p + 8192 + 5;
    probe_exact(&snippets[i], &in, SIGBUS, BUS_ADRERR, in.rbx);
  }
  // The file shrinks under the mapping, and grows again.
  p[4096] = 7;
  MUST(ftruncate(fd, 100));
  in.rbx = (u64)p + 4096;
  probe_exact(&snippets[0], &in, SIGBUS, BUS_ADRERR, in.rbx);
  MUST(ftruncate(fd, 3 * 4096));
  probe(snippets[0].code, &in);
  CHECK_EQ(probe_caught.signal, 0);
  CHECK_EQ(p[4096], 0);
  CHECK_EQ(p[8192], 0);

  in.rbx = (u64)p;
  const Snippet s = SNIPPET_ROW(unaligned);
  probe(s.code, &in);
  probe_expect("unaligned", SIGBUS, BUS_ADRALN, 0, (u64)s.at);
  CHECK_EQ(probe_caught.trap, 17);
  return done();
}
